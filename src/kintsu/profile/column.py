"""What the profile says of one column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["ColumnProfile"]


@dataclass(frozen=True)
class ColumnProfile:
    """Facts about one column; the contract is `core.contracts.ColumnFacts`.

    `mean`, `std`, `quantiles` and the extremes of a numeric column are over its finite plain numbers only.
    """

    name: str
    rows: int
    nulls: int
    distinct: int
    type: str
    type_share: float
    semantic_type: str | None = None
    min: float | str | None = None
    max: float | str | None = None
    mean: float | None = None
    std: float | None = None
    quantiles: Mapping[str, float] = field(default_factory=dict)
    top: list[tuple[str, int]] = field(default_factory=list)
    patterns: list[tuple[str, int]] = field(default_factory=list)
    mean_length: float = 0.0
    decimal_comma: bool = False
    dtype: str = "String"  # type in the frame: "String" for all columns of a text format
    format: str | None = None  # of dates and times, see `profile.dates`
    format_share: float = 0.0  # share of filled cells (of the distinct values looked at) in `format`
    blanks: int = 0  # cells of white space only; among `nulls`
    disguised: int = 0  # cells of text that means "no value", such as "N/A"; not among `nulls`
    nan: int = 0
    inf: int = 0
    zeros: int = 0
    negatives: int = 0
    skewness: float | None = None
    kurtosis: float | None = None
    histogram: list[tuple[float, float, int]] = field(default_factory=list)  # (from, to, cells)
    lengths: tuple[int, int] = (0, 0)  # characters of the shortest and longest text
    votes: Mapping[str, int] = field(default_factory=dict)  # cells by the type they look like
    distinct_error: float = 0.0  # relative standard error of `distinct`
    rank_error: float = 0.0  # largest error of a quantile's rank

    @property
    def filled(self) -> int:
        """Cells that are not missing."""
        return self.rows - self.nulls

    @property
    def is_numeric(self) -> bool:
        """Most filled cells are numbers."""
        return self.type in ("integer", "float")

    @property
    def is_key_like(self) -> bool:
        """Nearly every filled value is distinct (at least 95 %, of at least 20)."""
        return self.filled >= 20 and self.distinct >= 0.95 * self.filled

    @property
    def is_free_text(self) -> bool:
        """Long and rarely repeated text: no typo search, no dependency's right side."""
        return self.type == "text" and self.mean_length > 40 and self.distinct > 0.5 * self.filled
