import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.core.batch import Batch
from kintsu.detect.contextual import Contextual
from kintsu.profile.build import reference_of
from kintsu.testing.checks import check_detector


def made(**columns):
    frame = pl.DataFrame({k: pl.Series([None if x is None else str(x) for x in v]) for k, v in columns.items()})
    batch = Batch.of(frame)

    def scan(names):
        yield Batch(batch.table, frame.select(names) if names else frame, batch.row)

    return batch, reference_of(scan, batch.table)


def found(batch, reference):
    detector = Contextual()
    return detector.find(batch, detector.train(reference), reference)


def shop(n=3000, articles=100):
    rng = np.random.default_rng(0)
    price = rng.lognormal(3, 1, articles)
    article = rng.integers(0, articles, n)
    return [f"article {a}" for a in article], np.round(price[article] * rng.lognormal(0, 0.05, n), 2).tolist()


def test_a_price_ten_times_that_of_its_article_is_found_though_it_is_usual_for_the_shop():
    article, price = shop()
    cheap = int(np.argmin(price))
    price[cheap] = round(price[cheap] * 10, 2)
    result = found(*made(article=article, price=price))
    assert result.select("row", "column").rows() == [(cheap, "price")]
    assert article[cheap] in result["why"][0]


def test_clean_groups_have_no_findings():
    article, price = shop()
    assert found(*made(article=article, price=price)).is_empty()


def test_a_column_without_a_context_is_left_alone():
    rng = np.random.default_rng(1)
    assert found(*made(g=rng.integers(0, 50, 1000), x=rng.normal(0, 1, 1000).round(3))).is_empty()


@pytest.mark.parametrize("n", [0, 1, 5])
def test_tiny_tables_say_nothing(n):
    article, price = shop(n)
    assert found(*made(article=article, price=price)).is_empty()


def test_keeps_the_detector_contract():
    article, price = shop(600, 20)
    price[7], price[8] = price[7] * 100, None
    check_detector(Contextual(), *made(article=article, price=price))


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.none() | st.sampled_from("ab"), st.none() | st.sampled_from(["1", "2", "900", "x", "-1"])),
        min_size=1,
    )
)
def test_keeps_the_detector_contract_on_anything(rows):
    rows = rows * 12
    check_detector(Contextual(), *made(g=[r[0] for r in rows], x=[r[1] for r in rows]))
