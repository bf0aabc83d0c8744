"""The nouns and the two functions that everything trusts. No I/O, no clock, no randomness."""
