"""Crash test and calibration: how sure we may be."""
