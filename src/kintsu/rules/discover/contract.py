"""What a table obeys, as rules that a person can read, correct and declare."""

from __future__ import annotations

import polars as pl

from kintsu.core.contracts import ColumnFacts, Reference
from kintsu.rules.discover.arithmetic import formulas
from kintsu.rules.discover.dependency import dependencies
from kintsu.rules.discover.order import orders
from kintsu.rules.language import Rule

__all__ = ["discovered"]

LEAST_ROWS = 100  # below that nearly every property of a column may be luck
DOMAIN_SIZE = 30
DOMAIN_SHARE = 0.005  # every value of a closed list is at least that common


def discovered(reference: Reference) -> list[Rule]:
    """Rules of all kinds that the table suggests, by column, then those of several columns, the surest first.

    They are suggestions for a contract: no detector flags by the rules of one column found here, since the detectors of
    outliers, formats, typos and missing cells judge the same cells with more evidence.
    """
    rows = reference.rows
    if rows < LEAST_ROWS:
        return []
    single = [rule for name in reference.columns for rule in _of_column(reference, reference.column(name))]
    several = [
        Rule(
            "fd",
            d.left if d.condition is None else d.left[:1],
            {"right": d.right},
            {} if d.condition is None else {d.left[1]: d.condition},
            confidence=_share(d.strength.agreement),
            support=d.strength.rows,
            source=_BY,
        )
        for d in dependencies(reference)
        if d.strength.sound >= 0.8
    ]
    several += [
        Rule(
            "arithmetic", f.columns, {"formula": f.text}, confidence=_share(f.agreement), support=f.support, source=_BY
        )
        for f in formulas(reference)
        if f.operation in ("sum", "sum_of_three", "product", "ratio")  # a person says what an empty discount means
    ]
    several += [
        Rule("order", (o.first, o.second), confidence=_share(o.agreement), support=o.support, source=_BY)
        for o in orders(reference)
    ]
    return single + sorted(several, key=lambda rule: (-rule.confidence, rule.text))


_BY = "discovered"


def _share(value: float) -> float:
    return round(value, 4)


def _of_column(reference: Reference, facts: ColumnFacts) -> list[Rule]:
    found, name, filled = [], facts.name, facts.rows - facts.nulls
    if not filled:
        return []
    if facts.nulls <= 0.001 * facts.rows:
        found.append(Rule("not_null", (name,), confidence=_share(filled / facts.rows), support=facts.rows, source=_BY))
    if facts.is_key_like and facts.distinct >= 0.999 * filled and not facts.is_free_text and facts.type != "float":
        found.append(
            Rule("unique", (name,), confidence=_share(min(facts.distinct / filled, 1)), support=filled, source=_BY)
        )
    if facts.is_numeric and isinstance(facts.min, int | float) and facts.min >= 0 and not facts.is_key_like:
        found.append(Rule("range", (name,), {"min": 0}, support=filled, source=_BY))
    if facts.type == "text" and facts.distinct <= DOMAIN_SIZE:
        values = reference.values(name).filter(pl.col("n") >= DOMAIN_SHARE * filled)
        share = float(values["n"].sum() / filled)
        if share >= 0.95 and len(values) >= 2:
            must = {"values": values["value"].to_list()}
            found.append(Rule("domain", (name,), must, confidence=_share(share), support=filled, source=_BY))
    return found
