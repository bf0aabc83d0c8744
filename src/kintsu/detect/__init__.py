"""Detectors, one a file: they find and never change."""
