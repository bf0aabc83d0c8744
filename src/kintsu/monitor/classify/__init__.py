"""The trained classifier that names the issue of a batch."""
