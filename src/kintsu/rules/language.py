"""A rule: what the cells of a table must obey, as data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from kintsu.core.errors import UsageError
from kintsu.core.settings import nearest
from kintsu.core.vocabulary import DIMENSION_OF, DIMENSIONS

__all__ = ["FINDING_KIND", "KINDS", "Rule", "rule_from"]

KINDS: Final[dict[str, dict[str, str]]] = {
    "range": {"min": "least value", "max": "largest value"},
    "domain": {"values": "the only values allowed"},
    "pattern": {"pattern": "regular expression that the whole text matches"},
    "not_null": {},
    "unique": {},
    "key": {},
    "fd": {"right": "the column that the others determine"},
    "arithmetic": {"formula": "such as total = quantity * price", "tolerance": "largest difference allowed"},
    "order": {"strict": "true: equal values break the rule"},
    "inclusion": {"values": "the values allowed", "table": "name of the other table", "of": "its column"},
}
"""Kind -> what a rule of this kind may say beyond its columns. The language is described in docs/reference/rules.md."""

FINDING_KIND: Final[dict[str, str]] = {
    "range": "range",
    "domain": "domain",
    "pattern": "format",
    "not_null": "missing",
    "unique": "key",
    "key": "key",
    "fd": "dependency",
    "arithmetic": "arithmetic",
    "order": "order",
    "inclusion": "inclusion",
}
"""Kind of rule -> kind of the findings that its violations are."""

_COMMON: Final = ("id", "kind", "column", "columns", "when", "dimension", "confidence", "support", "source", "must")
_REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "domain": ("values",),
    "pattern": ("pattern",),
    "fd": ("right",),
    "arithmetic": ("formula",),
}
SOURCES: Final = ("person", "discovered", "contract")


@dataclass(frozen=True)
class Rule:
    """What must hold for the rows that `when` selects.

    Parameters
    ----------
    kind
        One of `KINDS`.
    columns
        The columns that the rule is about: one cell each for range, domain, pattern, not_null, unique; together for key
        and inclusion; the left side for fd; rising from left to right for order; those of the formula for arithmetic.
    must
        What the kind asks for; keys as in `KINDS`.
    when
        Column -> value, list of values, or "null" / "not null": the rows that the rule is about; empty: all.
    dimension
        Dimension of quality that a violation lowers; by default that of the kind.
    confidence
        Share of rows that obeyed when the rule was found, in [0, 1]; 1 for rules of a person.
    support
        Rows that could be judged when the rule was found; 0 for rules of a person.
    source
        "person", "discovered" or "contract".
    id
        Stable name; by default a hash of the content.
    """

    kind: str
    columns: tuple[str, ...]
    must: Mapping[str, Any] = field(default_factory=dict)
    when: Mapping[str, Any] = field(default_factory=dict)
    dimension: str = ""
    confidence: float = 1.0
    support: int = 0
    source: str = "person"
    id: str = ""

    def __post_init__(self) -> None:
        if not self.dimension and self.kind in FINDING_KIND:
            object.__setattr__(self, "dimension", DIMENSION_OF[FINDING_KIND[self.kind]])
        if not self.id:
            content = [self.kind, list(self.columns), dict(self.must), dict(self.when)]
            digest = hashlib.blake2b(json.dumps(content, sort_keys=True, default=str).encode(), digest_size=5)
            object.__setattr__(self, "id", f"{self.kind}-{digest.hexdigest()}")

    @property
    def text(self) -> str:
        """The rule in words."""
        names, must = ", ".join(self.columns), self.must
        match self.kind:
            case "range":
                said = f"{names} lies between {must.get('min', 'anything')} and {must.get('max', 'anything')}"
            case "domain":
                said = f"{names} is one of {', '.join(map(str, must['values'][:8]))}" + ", ..." * (
                    len(must["values"]) > 8
                )
            case "pattern":
                said = f"{names} looks like {must['pattern']}"
            case "not_null":
                said = f"{names} is filled"
            case "unique":
                said = f"{names} has no repeated value"
            case "key":
                said = f"{names} identifies a row"
            case "fd":
                said = f"{names} determines {must['right']}"
            case "arithmetic":
                said = str(must["formula"])
            case "order":
                said = (" < " if must.get("strict") else " <= ").join(self.columns)
            case _:
                said = f"{names} occurs in {must.get('table', 'the list')}"
        return said + (f" where {_condition(self.when)}" if self.when else "")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for YAML or JSON, without what is default; `rule_from` reads them."""
        plain: dict[str, Any] = {"kind": self.kind}
        plain |= {"column": self.columns[0]} if len(self.columns) == 1 else {"columns": list(self.columns)}
        plain |= dict(self.must)
        if self.when:
            plain["when"] = dict(self.when)
        default = {"confidence": 1.0, "support": 0, "source": "person"}
        plain |= {key: asdict(self)[key] for key, usual in default.items() if getattr(self, key) != usual}
        if self.dimension != DIMENSION_OF[FINDING_KIND[self.kind]]:
            plain["dimension"] = self.dimension
        return {"id": self.id, **plain}


def _condition(when: Mapping[str, Any]) -> str:
    said = []
    for name, wanted in when.items():
        if wanted is None or wanted == "null":
            said.append(f"{name} is empty")
        elif wanted == "not null":
            said.append(f"{name} is filled")
        else:
            said.append(f"{name} is {' or '.join(map(str, wanted if isinstance(wanted, list | tuple) else [wanted]))}")
    return " and ".join(said)


def rule_from(plain: Mapping[str, Any], where: str = "rule") -> Rule:
    """A rule from plain values as `Rule.to_dict` gives them, checked.

    Raises
    ------
    UsageError
        An unknown kind or key (naming the nearest known one), a missing key, or a value that cannot be one.
    """
    if not isinstance(plain, Mapping):
        raise UsageError(f"{where}: expected a mapping with `kind` and `column`, found {plain!r}")
    kind = plain.get("kind")
    if kind not in KINDS:
        raise UsageError(f"{where}: unknown kind {kind!r}{nearest(str(kind), tuple(KINDS))}")
    allowed = (*_COMMON, *KINDS[kind], *(("left",) if kind == "fd" else ()))
    for key in plain:
        if key not in allowed:
            raise UsageError(f"{where}: a {kind} rule has no {key!r}{nearest(str(key), allowed)}")
    must = {key: plain[key] for key in KINDS[kind] if key in plain} | dict(plain.get("must") or {})
    for key in _REQUIRED.get(kind, ()):
        if key not in must:
            raise UsageError(f"{where}: a {kind} rule needs {key!r}: {KINDS[kind][key]}")
    columns = _columns(kind, plain, must, where)
    _check_values(kind, must, where)
    dimension, source = str(plain.get("dimension", "")), str(plain.get("source", "person"))
    if dimension and dimension not in DIMENSIONS:
        raise UsageError(f"{where}: unknown dimension {dimension!r}{nearest(dimension, DIMENSIONS)}")
    if source not in SOURCES:
        raise UsageError(f"{where}: unknown source {source!r}{nearest(source, SOURCES)}")
    when = plain.get("when") or {}
    if not isinstance(when, Mapping):
        raise UsageError(f"{where}: `when` maps columns to values, such as {{status: paid}}; found {when!r}")
    return Rule(
        kind=kind,
        columns=columns,
        must=must,
        when={str(k): v for k, v in when.items()},
        dimension=dimension,
        confidence=float(plain.get("confidence", 1.0)),
        support=int(plain.get("support", 0)),
        source=source,
        id=str(plain.get("id", "")),
    )


def _columns(kind: str, plain: Mapping[str, Any], must: Mapping[str, Any], where: str) -> tuple[str, ...]:
    named = plain.get("columns", plain.get("column", plain.get("left") if kind == "fd" else None))
    if named is None and kind == "arithmetic":
        from kintsu.rules.expression import names_in

        return names_in(str(must["formula"]), where)
    if named is None:
        raise UsageError(f"{where}: a {kind} rule needs `column` or `columns`")
    columns = tuple(str(name) for name in ([named] if isinstance(named, str | int) else named))
    if kind == "order" and len(columns) < 2:
        raise UsageError(f"{where}: an order rule needs two columns or more, found {list(columns)}")
    return columns


def _check_values(kind: str, must: Mapping[str, Any], where: str) -> None:
    if kind == "range":
        if not {"min", "max"} & set(must):
            raise UsageError(f"{where}: a range rule needs `min`, `max` or both")
        low, high = must.get("min"), must.get("max")
        numbers = isinstance(low, int | float) and isinstance(high, int | float)
        if low is not None and high is not None and (low > high if numbers else str(low) > str(high)):
            raise UsageError(f"{where}: min {must['min']} is larger than max {must['max']}")
    if "values" in must and not isinstance(must["values"], list | tuple):
        raise UsageError(f"{where}: `values` is a list, found {must['values']!r}")
    if kind == "inclusion" and not {"values", "table"} & set(must):
        raise UsageError(f"{where}: an inclusion rule needs `values`, or `table` and `of`")
    if kind == "pattern":
        import polars as pl

        try:  # the engine that will run it, which has no look-around
            pl.Series([""]).str.contains(str(must["pattern"]))
        except pl.exceptions.ComputeError as error:
            raise UsageError(f"{where}: {must['pattern']!r} is no regular expression: {error}") from error
