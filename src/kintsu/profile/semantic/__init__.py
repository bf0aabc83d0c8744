"""What a column means: patterns, formats and semantic types, read off the sampled distinct values."""

from kintsu.profile.semantic.judge import Reading, judge

__all__ = ["Reading", "judge"]
