"""Cells and rows that break a rule which a person declared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import polars as pl

from kintsu.core.batch import Batch
from kintsu.core.contracts import Frozen, Reference
from kintsu.core.frames import FINDINGS, concat, findings
from kintsu.core.phrase import phrase
from kintsu.rules.evaluate import Learned, learn, violates
from kintsu.rules.language import FINDING_KIND, Rule

__all__ = ["RuleViolation"]

_ROWS = ("arithmetic", "order", "key", "inclusion", "fd")  # kinds about several cells of a row


@dataclass(frozen=True)
class RuleViolation:
    """Violations of the rules in the option "rules": range, domain, pattern, not_null, unique, key, fd, arithmetic,
    order, inclusion. Of a declared dependency the rows that do not have their group's commonest value are reported.

    Score: the confidence of the rule, 1 for rules of a person. A rule about several columns of a row flags the last of
    them (the result of a formula: the first), and names the others; a null in a key flags the null.
    """

    name: ClassVar[str] = "rule_violation"

    def train(self, reference: Reference) -> list[tuple[Rule, Learned]]:
        rules: list[Rule] = reference.option("rules") or []
        return [(rule, learn(rule, reference)) for rule in rules]

    def find(self, batch: Batch, model: list[tuple[Rule, Learned]], reference: Reference) -> pl.DataFrame:
        parts = []
        for rule, learned in model:
            needed = (*rule.columns, *rule.when, *([rule.must["right"]] if rule.kind == "fd" else []))
            if any(name not in batch.columns for name in needed):
                continue
            cells = [(rule, (name,)) for name in rule.columns] if rule.kind not in _ROWS else [(rule, rule.columns)]
            for _, names in cells:
                part = (
                    Rule(rule.kind, names, rule.must, rule.when, id=rule.id) if len(names) < len(rule.columns) else rule
                )
                hit = violates(batch, part, learned)
                if hit.any():
                    parts.append(self._findings(batch, rule, names, hit))
        return concat(parts, FINDINGS)

    def frozen(self, model: list[tuple[Rule, Learned]], reference: Reference) -> Frozen:
        """The rules, without what says that a value is there twice: of these keys keep that none may be empty."""
        kept = [(rule, replace(learned, repeated=None)) for rule, learned in model if rule.kind != "unique"]
        several = sorted({rule.id for rule, _ in model if rule.kind in ("unique", "key")})
        told = f"repeated values ({', '.join(several)}) are found among the rows of one table"
        return Frozen(kept, told if several else "")

    def _findings(self, batch: Batch, rule: Rule, names: tuple[str, ...], hit: pl.Series) -> pl.DataFrame:
        if rule.kind == "fd":
            names = (*names, str(rule.must["right"]))
        column = names[0] if rule.kind == "arithmetic" else names[-1]
        kept = hit.arg_true()
        shown = [phrase("{} {}", pl.lit(n), _quoted(batch[n].text.gather(kept))) for n in names]
        frame = pl.select(
            row=batch.row.gather(kept),
            score=pl.lit(float(rule.confidence)),
            why=pl.concat_str([pl.concat_str(shown, separator=", "), pl.lit(f": the rule says that {rule.text}")]),
            value=batch[column].text.gather(kept),
            group=phrase("{}:{}", pl.lit(rule.id), batch.row.gather(kept)),
        )
        return findings(frame, detector=self.name, kind=FINDING_KIND[rule.kind], column=column)


def _quoted(text: pl.Series) -> pl.Expr:
    value = pl.lit(text)
    short = pl.when(value.str.len_chars() > 60).then(pl.concat_str(value.str.head(57), pl.lit("..."))).otherwise(value)
    return pl.when(value.is_null()).then(pl.lit("(empty)")).otherwise(pl.concat_str(pl.lit("'"), short, pl.lit("'")))
