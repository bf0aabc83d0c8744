"""Scores by dimension, issues in order of cost."""
