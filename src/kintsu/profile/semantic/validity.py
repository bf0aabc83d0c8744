"""Which values of a known meaning cannot be right, as the libraries of each trade say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Final

import polars as pl

from kintsu.profile.semantic.place import country_codes, country_names

__all__ = ["CHECKS", "Check"]

_PLAIN_EMAIL: Final = (
    r"^[A-Za-z0-9_+%-]+(?:\.[A-Za-z0-9_+%-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}$"
)
_PLAIN_LENGTH: Final = 64  # octets; no limit of RFC 5321 bites below


@dataclass(frozen=True)
class Check:
    """A test that values of one semantic type pass or fail for good reason.

    `invalid` takes distinct texts and says for each whether it fails (never null). `says` ends the sentence
    "'...' ", `score` is how surely a failing value is wrong, in [0, 1], where at least `share` of the cells pass.
    """

    invalid: Callable[[pl.Series], pl.Series]
    says: str
    score: float
    share: float = 0.5


def _each(texts: pl.Series, is_valid: Callable[[str], bool]) -> pl.Series:
    """One call of a library per distinct text."""
    return pl.Series([not is_valid(text) for text in texts.to_list()], dtype=pl.Boolean)


def _standard(module: str) -> Callable[[pl.Series], pl.Series]:
    def invalid(texts: pl.Series) -> pl.Series:
        return _each(texts, import_module(f"stdnum.{module}").is_valid)

    return invalid


def _cards(texts: pl.Series) -> pl.Series:
    return _standard("luhn")(texts.str.replace_all(r"[ -]", ""))


def _emails(texts: pl.Series) -> pl.Series:
    """By email-validator (RFC 5321 and 6531, nothing is looked up); plain addresses are let through without it."""
    plain = texts.str.contains(_PLAIN_EMAIL) & (texts.str.len_bytes() <= _PLAIN_LENGTH)
    failing = _each(texts.filter(~plain), _is_email)
    return _scattered(~plain, failing)


def _is_email(text: str) -> bool:
    from email_validator import EmailNotValidError, validate_email

    try:
        validate_email(text, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        return False
    return True


def _phones(texts: pl.Series) -> pl.Series:
    """International numbers of a length that their country does not have, by phonenumbers.

    Numbers without a country's code are let through: their country is not known. The length that is possible follows
    from the first digits, so one call serves all numbers that share their first seven and their length.
    """
    digits = texts.str.replace(r"(?i)[ ,;]*(?:x|ext)\.?[ ]?\d{1,6}$", "").str.replace_all(r"[^\d+]", "")
    digits = digits.str.replace(r"^00", "+")
    told = digits.str.contains(r"^\+\d{4,}$")
    known = digits.filter(told)
    shapes = pl.DataFrame({"head": known.str.slice(0, 8), "tail": known.str.slice(8).str.replace_all(r"\d", "0")})
    tried = shapes.unique(maintain_order=True)
    tried = tried.with_columns(bad=_each(tried["head"] + tried["tail"], _is_phone))
    failing = shapes.join(tried, on=["head", "tail"], how="left", maintain_order="left")["bad"]
    return _scattered(told, failing)


@lru_cache(100_000)  # the copies of a table that a heal judges hold mostly the same numbers
def _is_phone(text: str) -> bool:
    import phonenumbers

    try:
        return bool(phonenumbers.is_possible_number(phonenumbers.parse(text)))
    except phonenumbers.NumberParseException:
        return False


def _countries(texts: pl.Series) -> pl.Series:
    known = country_names() | country_codes()
    return ~texts.str.strip_chars().str.to_lowercase().is_in(sorted(known))


def _scattered(where: pl.Series, values: pl.Series) -> pl.Series:
    """A series that is `values` at the true places of `where`, in order, and false elsewhere."""
    full = pl.repeat(False, len(where), dtype=pl.Boolean, eager=True)
    return full.scatter(where.arg_true(), values) if len(values) else full


CHECKS: Final[dict[str, Check]] = {
    "iban": Check(_standard("iban"), "has wrong check digits, length or country for an IBAN", 0.97),
    "lei": Check(_standard("lei"), "has wrong check digits for a legal entity identifier", 0.97),
    "isin": Check(_standard("isin"), "has a wrong check digit or country for an ISIN", 0.97),
    "isbn": Check(_standard("isbn"), "has a wrong check digit or length for an ISBN", 0.95),
    "issn": Check(_standard("issn"), "has a wrong check digit or length for an ISSN", 0.95),
    "ean": Check(_standard("ean"), "has a wrong check digit or length for an EAN", 0.95),
    "payment_card": Check(_cards, "has a wrong check digit for a payment card", 0.95),
    "email": Check(_emails, "is no email address", 0.95),
    "phone": Check(_phones, "has too few or too many digits for a phone number of its country", 0.9),
    "country": Check(_countries, "is no country that ISO 3166 lists", 0.6, share=0.95),
}
"""Semantic type -> its check. What people call countries no list knows wholly: a low score, and a
column in which many cells fail has another convention."""
