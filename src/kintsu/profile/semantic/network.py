"""Addresses and names of machines and records: ip, mac, uuid."""

from __future__ import annotations

from kintsu.profile.semantic.kinds import SemanticType, by_pattern

__all__ = ["TYPES"]

_BYTE = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_IPV4 = rf"{_BYTE}(?:\.{_BYTE}){{3}}(?:/\d{{1,2}})?"
_IPV6 = r"(?i:(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?:%\w+)?(?:/\d{1,3})?)"

TYPES = (
    SemanticType("uuid", by_pattern(r"(?i:\{?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}?)")),
    SemanticType("ip", by_pattern(_IPV4)),
    SemanticType("mac", by_pattern(r"(?i:[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5})")),
    SemanticType("ip", lambda text: by_pattern(_IPV6)(text) & ~by_pattern(r"\d{1,2}:\d{2}(?::\d{2})?")(text)),
)
