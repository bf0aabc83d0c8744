"""Connectors to files, databases and frames; the store."""
