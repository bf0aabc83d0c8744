"""Amounts: money, percentage, number with a unit."""

from __future__ import annotations

from typing import Final

from kintsu.profile.semantic.kinds import SemanticType, by_pattern

__all__ = ["TYPES"]

_NUMBER: Final = r"[+-]?(?:\d{1,3}(?:[., '’]\d{3})+|\d+)(?:[.,]\d+)?|[+-]?\.\d+"
_SIGN: Final = r"[$€£¥₹₽₩₺₪฿₫₴₦]"
_CODE: Final = (
    r"(?:USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|CNY|INR|SEK|NOK|DKK|PLN|CZK|HUF|RUB|BRL|MXN|ZAR|TRY|KRW|SGD|HKD|ILS|THB"
    r"|AED|SAR)"
)

TYPES = (
    SemanticType("percentage", by_pattern(rf"(?:{_NUMBER})[ ]?(?:%|percent|pct\.?)")),
    SemanticType(
        "money",
        by_pattern(
            rf"[-+(]{{0,2}}(?:{_SIGN}|US\$|{_CODE})[ ]?(?:{_NUMBER})[ ]?(?:[kKmMbB]n?)?\)?"
            rf"|(?:{_NUMBER})[ ]?(?:{_SIGN}|{_CODE})"
        ),
    ),
    SemanticType(
        "number_with_unit",
        by_pattern(rf"(?:{_NUMBER})(?:[ ]?(?:\p{{L}}|[°µ'\"²³])[\p{{L}}°µ²³/.\d]{{0,10}}|[ ]\p{{L}}+[ ]\p{{L}}+)"),
    ),
)
"""A code such as "12A" also looks like a number with a unit: see `judge`, which asks for few different units."""
