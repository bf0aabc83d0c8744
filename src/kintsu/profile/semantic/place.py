"""Where something is: country, region, postcode, coordinates."""

from __future__ import annotations

from functools import cache
from typing import Final

from kintsu.profile.semantic.kinds import SemanticType, by_pattern, by_words

__all__ = ["TYPES", "country_codes", "country_names"]


# what people write and ISO 3166 does not list
_EVERYDAY: Final = """uk, usa, u.s., u.s.a., great britain, england, scotland, wales, northern ireland, russia, turkey,
    south korea, north korea, ivory coast, brunei, cape verde, swaziland, macedonia, burma, holland, the netherlands,
    vatican city, palestine, micronesia, democratic republic of the congo, republic of ireland, deutschland, españa,
    italia, österreich, schweiz, suisse, nederland, polska, brasil"""


@cache
def country_names() -> frozenset[str]:
    """Names of countries in lower case, full, common and official, and three-letter codes."""
    import pycountry

    fields = ("name", "common_name", "official_name", "alpha_3")
    listed = (getattr(country, name, None) for country in pycountry.countries for name in fields)
    return frozenset(name.lower() for name in listed if name) | {name.strip() for name in _EVERYDAY.split(",")}


@cache
def country_codes() -> frozenset[str]:
    """Two-letter codes of countries in lower case, with the two reserved ones that are in daily use."""
    import pycountry

    return frozenset(country.alpha_2.lower() for country in pycountry.countries) | {"uk", "eu"}


@cache
def _regions() -> frozenset[str]:
    """Names of the parts of countries in lower case, and the codes that addresses in the United States end with."""
    import pycountry

    names = {part.name.lower() for part in pycountry.subdivisions}
    codes = {part.code[3:].lower() for part in pycountry.subdivisions if part.code.startswith("US-")}
    return frozenset(names | codes)


_POSTAL: Final = frozenset({"postcode", "zip", "zipcode", "postal", "plz", "postleitzahl", "cap", "cp", "pincode"})
_DEGREES: Final = r"[+-]?(?:\d|[1-9]\d|1[0-7]\d|180)(?:\.\d+)?°?"

TYPES = (
    SemanticType("country", by_words(country_names), frozenset({"country", "nation", "land"}), share=0.6),
    SemanticType("country", by_words(country_codes), frozenset({"country", "nation", "nationality"}), needs_hint=True),
    SemanticType("region", by_words(_regions), frozenset({"state", "region", "province"}), share=0.8),
    SemanticType(
        "postcode",
        by_pattern(r"(?i:[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z][ -]?\d[A-Z]\d|\d{4} ?[A-Z]{2}|\d{5}-\d{4})"),
        _POSTAL,
        share=0.8,
    ),
    SemanticType("postcode", by_pattern(r"(?i:[A-Z]{0,2}[ -]?\d{3,10}(?:-\d{3,4})?|[A-Z\d -]{5,10})"), _POSTAL, True),
    SemanticType("coordinates", by_pattern(rf"\(?{_DEGREES}\s*[NS]?\s*[,;]\s*{_DEGREES}\s*[EW]?\)?"), share=0.6),
    SemanticType(
        "coordinates",
        by_pattern(_DEGREES),
        frozenset({"lat", "latitude", "lon", "lng", "long", "longitude"}),
        needs_hint=True,
    ),
)
