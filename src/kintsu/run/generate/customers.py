"""A clean table of made-up customers.

It obeys: customer_id is unique and rising; postcode -> city, state, country; city -> state; the phone's area code
belongs to the city; email is made from the name; birth_date < signup_date <= last_order_date (which may be empty).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from kintsu.run.generate import places
from kintsu.run.generate.draws import cents, chosen, dates, digits, maybe, skewed

__all__ = ["customers"]

_DAY_ZERO, _TODAY = 16_071, 20_088  # 2014-01-01 and 2024-12-31, in days since 1970
_SEGMENTS = ("consumer", "small business", "corporate", "public sector")
_CONTACT = ("email", "phone", "post")


def customers(rows: int, rng: np.random.Generator) -> pl.DataFrame:
    """`rows` customers, all columns as text in canonical form."""
    city = skewed(rng, len(places.CITIES), rows)
    first, last = rng.integers(0, len(places.FIRST), rows), rng.integers(0, len(places.LAST), rows)
    segment = rng.choice(len(_SEGMENTS), rows, p=[0.72, 0.16, 0.08, 0.04])
    signup = rng.integers(_DAY_ZERO, _TODAY - 30, rows)
    orders = rng.poisson(np.array([3, 9, 20, 6])[segment])
    value = np.round(orders * rng.lognormal(3.6, 0.6, rows) * np.array([1, 1.8, 3.5, 2.2])[segment], 2)
    last_order = signup + (rng.beta(2, 1, rows) * (_TODAY - signup)).astype(np.int64)
    first_name, last_name = chosen(places.FIRST, first), chosen(places.LAST, last)
    frame = pl.DataFrame(
        {
            "customer_id": digits(np.arange(1, rows + 1), 7),
            "first_name": first_name,
            "last_name": last_name,
            "email": chosen(places.MAIL, skewed(rng, len(places.MAIL), rows)),
            "phone": digits(rng.integers(2_000_000, 9_999_999, rows), 7),
            "street": chosen(places.STREETS, rng.integers(0, len(places.STREETS), rows)),
            "postcode": _postcodes(city, rng),
            "city": chosen([place[0] for place in places.CITIES], city),
            "state": chosen([place[1] for place in places.CITIES], city),
            "country": chosen([place[2] for place in places.CITIES], city),
            "birth_date": dates(
                (signup - rng.normal(41 * 365, 12 * 365, rows).clip(19 * 365, 80 * 365)).astype(np.int64)
            ),
            "signup_date": dates(signup),
            "segment": chosen(_SEGMENTS, segment),
            "contact": chosen(_CONTACT, rng.choice(3, rows, p=[0.6, 0.3, 0.1])),
            "orders": digits(orders, 1),
            "lifetime_value": cents(value),
            "last_order_date": maybe(dates(last_order), orders > 0),
            "note": maybe(chosen(places.NOTES, skewed(rng, len(places.NOTES), rows)), rng.random(rows) < 0.25),
        }
    )
    area = chosen([place[4] for place in places.CITIES], city)
    number, house = pl.col("phone"), digits(rng.integers(1, 2_400, rows), 1)
    same = digits(np.arange(rows) % 97 + 1, 1)  # tells people of one name apart
    name = pl.concat_str(
        pl.col("first_name"), pl.lit("."), pl.col("last_name").str.replace_all("'", "")
    ).str.to_lowercase()
    return frame.with_columns(
        customer_id="C-" + pl.col("customer_id"),
        email=pl.concat_str(name, same, pl.lit("@"), pl.col("email")),
        phone=pl.concat_str(pl.lit("+1-"), area, pl.lit("-"), number.str.head(3), pl.lit("-"), number.str.tail(4)),
        street=pl.concat_str(house, pl.lit(" "), pl.col("street")),
    )


def _postcodes(city: np.ndarray, rng: np.random.Generator) -> pl.Series:
    """Four postcodes a city: "10014" in the United States, "M5V 2K4" in Canada."""
    pick = rng.integers(0, 4, len(city))
    table = [_postcode(place, at) for place in places.CITIES for at in range(4)]
    return chosen(table, city * 4 + pick)


def _postcode(place: tuple[str, str, str, str, str], at: int) -> str:
    if place[2] == "Canada":
        return f"{place[3]} {1 + 2 * at}{'BHKT'[at]}{9 - at}"
    return f"{place[3]}{(7 + 13 * at) % 100:02d}"
