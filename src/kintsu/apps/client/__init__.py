"""A service from Python."""
