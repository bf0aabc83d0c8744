"""Delimited text: sniffed, scanned by byte offsets, read in chunks, and patched by splicing bytes."""
