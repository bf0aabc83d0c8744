"""Watching a stream: block histograms that add up, and rates over time."""
