"""Values that cannot be what their column holds: check digits, addresses, phone numbers, countries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Reference
from kintsu.core.frames import FINDINGS, concat, findings
from kintsu.core.phrase import phrase
from kintsu.profile.semantic.validity import CHECKS, Check
from kintsu.profile.values.null_tokens import is_null_token
from kintsu.profile.values.view import cells, view_of

__all__ = ["SemanticCheck"]

_PROBE: Final = 1_000  # distinct values that tell how many of a column pass


@dataclass(frozen=True)
class SemanticCheck:
    """Values that cannot be what the column holds: an IBAN, ISBN, ISSN, EAN, ISIN, LEI or payment card with wrong check
    digits, an impossible email address or international phone number, a country that does not exist.

    Libraries of each trade decide (python-stdnum, email-validator, phonenumbers, pycountry); nothing is looked up
    online. A column is checked where its semantic type has a check that at least half of its cells pass (of countries:
    95 %).

    Score: how sure the check is, from .6 (countries) to .97 (two check digits), times the share of cells that pass.
    Blind to wrong values that pass; says nothing about the right one, as a check digit does not tell which digit is
    wrong.
    """

    name: ClassVar[str] = "semantic_check"
    kind: ClassVar[str] = "domain"

    def train(self, reference: Reference) -> dict[str, tuple[str, float]]:
        """Column -> the name of its check, and the share of its cells that pass."""
        known = {name: reference.column(name).semantic_type or "" for name in reference.columns}
        passing = {name: (of, _passing(reference, name, CHECKS[of])) for name, of in known.items() if of in CHECKS}
        return {name: (of, share) for name, (of, share) in passing.items() if share >= CHECKS[of].share}

    def find(self, batch: Batch, model: dict[str, tuple[str, float]], reference: Reference) -> pl.DataFrame:
        parts = []
        for name, (of, passing) in model.items():
            if name not in batch.columns:
                continue
            check = CHECKS[of]
            values = _speaking(batch[name].text.drop_nulls().unique().alias("value").to_frame())["value"]
            failing = values.filter(check.invalid(values))
            hits = cells(batch.row, batch[name].text, pl.DataFrame({"value": failing}))
            others = f"; {100 * passing:.1f} % of the column pass"
            hits = hits.with_columns(why=phrase("'{}' {}{}", "value", pl.lit(check.says), pl.lit(others)))
            scored = hits.with_columns(score=check.score * passing)
            parts.append(findings(scored, detector=self.name, kind=self.kind, column=name))
        return concat(parts, FINDINGS)


def _passing(reference: Reference, name: str, check: Check) -> float:
    """Share of the cells that pass, of about a thousand distinct values; 0 where the column is empty."""
    tried = _speaking(view_of(reference, name).probe(_PROBE))
    total = int(tried["n"].sum())
    return 1 - int(tried["n"].filter(check.invalid(tried["value"])).sum()) / total if total else 0.0


def _speaking(values: pl.DataFrame) -> pl.DataFrame:
    """The values that claim to be one: no blanks, no words for missing."""
    text = pl.col("value")
    return values.filter(~is_null_token(text) & (text.str.strip_chars() != ""))
