"""Ways to reach somebody: email, phone, url."""

from __future__ import annotations

import polars as pl

from kintsu.profile.semantic.kinds import SemanticType, by_pattern

__all__ = ["TYPES"]

_PHONE = r"(?:\+|00)?[ ]?\(?\d{1,4}\)?(?:[ ./()-]{0,2}\d{1,5}){1,6}(?:[ ,]*(?:x|ext\.?)[ ]?\d{1,6})?"


def _phone(text: pl.Expr) -> pl.Expr:
    """Seven to fifteen digits with the signs that phone numbers are grouped by, or a leading plus."""
    shaped = by_pattern(_PHONE)(text)
    digits = text.str.count_matches(r"\d")
    grouped = text.str.contains(r"^\s*(?:\+|00\d|\()|\d[ -./()]+\d+[ -./()]+\d")
    decimal = text.str.contains(r"^\s*\d+\.\d+\s*$")
    return shaped & digits.is_between(7, 15) & grouped & ~decimal


def _bare_phone(text: pl.Expr) -> pl.Expr:
    return by_pattern(_PHONE)(text) & text.str.count_matches(r"\d").is_between(7, 15)


_CALLS = frozenset({"phone", "tel", "telephone", "mobile", "fax", "cell", "telefon"})

TYPES = (
    SemanticType("email", by_pattern(r"[^\s@,;<>]+@[^\s@,;<>]+\.[A-Za-z]{2,24}"), frozenset({"email", "mail"})),
    SemanticType("url", by_pattern(r"(?i:(?:https?|ftp|s3|file)://\S+|www\.[^\s/]+\.\S+)"), frozenset({"url", "link"})),
    SemanticType("phone", _phone, _CALLS),
    SemanticType("phone", _bare_phone, _CALLS, needs_hint=True),
)
