"""Numbers with a check digit: iban, payment card, isbn."""

from __future__ import annotations

from kintsu.profile.semantic.kinds import SemanticType, by_pattern

__all__ = ["TYPES", "iban_is_valid", "luhn_is_valid"]


def iban_is_valid(text: str) -> bool:
    """ISO 13616: moved, letters as numbers, remainder 1 by 97.

    >>> iban_is_valid("DE89 3704 0044 0532 0130 00"), iban_is_valid("DE88 3704 0044 0532 0130 00")
    (True, False)
    """
    bare = "".join(text.split()).upper()
    return int("".join(str(int(c, 36)) for c in bare[4:] + bare[:4])) % 97 == 1


def luhn_is_valid(text: str) -> bool:
    """ISO/IEC 7812 check digit.

    >>> luhn_is_valid("4111 1111 1111 1111"), luhn_is_valid("4111 1111 1111 1112")
    (True, False)
    """
    digits = [int(c) for c in text if c.isdigit()][::-1]
    return sum(d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(digits)) % 10 == 0


TYPES = (
    SemanticType("iban", by_pattern(r"(?i:[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]){11,30})"), check=iban_is_valid),
    SemanticType(
        "payment_card", by_pattern(r"[3-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{1,7}"), share=0.9, check=luhn_is_valid
    ),
    SemanticType("isbn", by_pattern(r"97[89][- ]?\d{1,5}[- ]?\d{1,7}[- ]?\d{1,7}[- ]?\d"), frozenset({"isbn"})),
)
