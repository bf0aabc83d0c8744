"""A clean table of made-up orders.

It obeys: order_id is unique and rising; order_date rises; ship_date is empty unless the order went out, else later than
order_date and at most 12 days so; sku -> product, category, unit_price; customer_id -> customer_email, city;
total = quantity * unit_price * (1 - discount_pct / 100), in cents; weight_kg = quantity * weight of the product.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from kintsu.run.generate import places
from kintsu.run.generate.draws import cents, chosen, dates, digits, maybe, skewed

__all__ = ["orders"]

_FIRST_DAY, _DAYS = 19_358, 730  # from 2023-01-01, two years
_STATUS = ("delivered", "shipped", "processing", "returned", "cancelled")
_PAYMENT = ("credit card", "bank transfer", "paypal", "gift card")
_DISCOUNTS = (0, 5, 10, 15, 25)


def orders(rows: int, rng: np.random.Generator) -> pl.DataFrame:
    """`rows` orders in order of their date, all columns as text in canonical form."""
    day = np.sort(rng.integers(0, _DAYS, rows))
    item = skewed(rng, len(places.PRODUCTS), rows)
    price = np.array([product[3] for product in places.PRODUCTS])[item]
    weight = np.array([product[4] for product in places.PRODUCTS])[item]
    quantity = 1 + rng.geometric(0.55, rows).clip(1, 12) - 1
    discount = np.array(_DISCOUNTS)[rng.choice(5, rows, p=[0.62, 0.14, 0.13, 0.07, 0.04])]
    total = np.floor(quantity * price * 100 * (100 - discount) / 100 + 0.5 + 1e-6) / 100  # half a cent rounds up
    status = rng.choice(len(_STATUS), rows, p=[0.71, 0.12, 0.07, 0.06, 0.04])
    wait = 1 + rng.poisson(2.5, rows).clip(0, 11)
    buyer = skewed(rng, max(1, rows // 6), rows)
    first = chosen(places.FIRST, buyer * 7 % len(places.FIRST))
    last = chosen(places.LAST, buyer * 13 % len(places.LAST))
    name = pl.concat_str(pl.lit(first), pl.lit("."), pl.lit(last).str.replace_all("'", "")).str.to_lowercase()
    frame = pl.DataFrame(
        {
            "order_id": digits(np.arange(100_001, 100_001 + rows), 1),
            "order_date": dates(_FIRST_DAY + day),
            "ship_date": maybe(dates(_FIRST_DAY + day + wait), np.isin(status, (0, 1, 3))),
            "status": chosen(_STATUS, status),
            "customer_id": digits(buyer + 1, 7),
            "customer_email": chosen(places.MAIL, buyer % len(places.MAIL)),
            "city": chosen([place[0] for place in places.CITIES], buyer * 11 % len(places.CITIES)),
            "sku": chosen([product[0] for product in places.PRODUCTS], item),
            "product": chosen([product[1] for product in places.PRODUCTS], item),
            "category": chosen([product[2] for product in places.PRODUCTS], item),
            "quantity": digits(quantity, 1),
            "unit_price": cents(price),
            "discount_pct": digits(discount, 1),
            "total": cents(total),
            "weight_kg": cents(np.round(quantity * weight, 2)),
            "payment": chosen(_PAYMENT, rng.choice(4, rows, p=[0.63, 0.12, 0.21, 0.04])),
        }
    )
    return frame.with_columns(
        customer_id="C-" + pl.col("customer_id"),
        customer_email=pl.concat_str(name, digits(buyer + 1, 1), pl.lit("@"), pl.col("customer_email")),
    )
