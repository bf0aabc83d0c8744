"""Watching a table over time: its history, what was to be expected, and what is new."""
