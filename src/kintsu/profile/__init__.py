"""Summaries of columns and tables that merge, and the reference that detectors and healers are handed."""
