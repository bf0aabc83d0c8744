"""Judges of batches by small networks; they stay off where they do not win on the table's own past."""
