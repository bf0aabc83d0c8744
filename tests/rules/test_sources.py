"""Truth discovery: laws of the kernel, and tables that have or have not the structure."""

from dataclasses import replace

import made
import made_sources
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.core.batch import Batch
from kintsu.rules.discover.sequence import changes_along, natural_rank
from kintsu.rules.discover.sources import reports
from kintsu.rules.source_limits import limits
from kintsu.rules.source_model import train_sources
from kintsu.rules.sources import Claims, consensus


def claims(rng, entities=30, sources=8, accuracy=0.8, coverage=0.8, choices=6):
    """Claims of independent sources, and the true value code of every entity (-1 where nobody claims it)."""
    e, s = np.nonzero(rng.random((entities, sources)) < coverage)
    said = np.where(rng.random(len(e)) < accuracy, 0, rng.integers(1, choices, len(e)))
    packed, value = np.unique(e * choices + said, return_inverse=True)
    truth = np.full(entities, -1)
    truth[packed[packed % choices == 0] // choices] = np.flatnonzero(packed % choices == 0)
    return Claims(e, s, value, packed // choices, entities, sources, float(choices - 1)), truth


seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=15)
@given(seeds, st.floats(0.3, 1.0), st.integers(1, 9))
def test_beliefs_of_an_entity_are_shares_of_one(seed, accuracy, sources):
    c, _ = claims(np.random.default_rng(seed), sources=sources, accuracy=accuracy)
    (result,) = consensus([c])
    total = np.bincount(c.owner, weights=result.belief, minlength=c.entities)
    assert (result.belief >= 0).all() and (total <= 1 + 1e-9).all()
    assert ((result.probability >= 0) & (result.probability <= 1)).all() and 0 <= result.steadiness <= 1
    known = result.best >= 0
    assert (c.owner[result.best[known]] == np.flatnonzero(known)).all()
    assert (result.rival[known] != result.best[known]).all()


@settings(max_examples=10)
@given(seeds)
def test_the_names_and_order_of_sources_play_no_part(seed):
    rng = np.random.default_rng(seed)
    c, _ = claims(rng)
    other, order = rng.permutation(c.sources), rng.permutation(len(c.entity))
    renamed = Claims(c.entity[order], other[c.source[order]], c.value[order], c.owner, c.entities, c.sources, c.falses)
    (a,), (b,) = consensus([c]), consensus([renamed])
    np.testing.assert_allclose(a.belief, b.belief, atol=1e-6)
    np.testing.assert_allclose(a.accuracy, b.accuracy[other], atol=1e-6)


def test_a_few_reliable_sources_outweigh_many_bad_ones():
    rng = np.random.default_rng(4)
    good, bad = np.full(4, 0.95), np.full(8, 0.2)
    entities, sources, choices = 200, 12, 8
    e, s = np.nonzero(np.ones((entities, sources)))
    right = rng.random(len(e)) < np.concatenate([good, bad])[s]
    said = np.where(right, 0, rng.integers(1, choices, len(e)))
    packed, value = np.unique(e * choices + said, return_inverse=True)
    c = Claims(e, s, value, packed // choices, entities, sources, 10.0)
    (result,) = consensus([c])
    plain = np.lexsort((-c.votes, c.owner))
    majority = plain[np.unique(c.owner[plain], return_index=True)[1]]
    right = (packed[result.best] % choices == 0).mean()
    assert right > 0.97
    assert right > (packed[majority] % choices == 0).mean()
    assert result.accuracy[:4].min() > 0.85 and result.accuracy[4:].max() < 0.5


def test_a_single_claim_is_never_sure():
    c = Claims(np.array([0]), np.array([0]), np.array([0]), np.array([0]), 1, 3, 10.0)
    (result,) = consensus([c])
    assert result.best[0] == 0 and result.probability[0] < 0.9


@pytest.mark.parametrize("name", list(made_sources.SOURCE_TABLES))
def test_finds_who_reports_what(name):
    dirty, _ = made_sources.SOURCE_TABLES[name](np.random.default_rng(0))
    found = reports(made_sources.reference(dirty))
    assert found is not None
    assert [found.entity, found.source] == dirty.columns[:2]
    assert set(found.columns) == set(dirty.columns[2:])


@pytest.mark.parametrize("name", list(made.TABLES))
@pytest.mark.parametrize("rate", [0.02, 0.3])
def test_errors_that_hit_all_alike_are_no_sources(name, rate):
    clean = made.TABLES[name](np.random.default_rng(1))
    rates = dict.fromkeys(clean.columns[1:5], rate)
    dirty, _ = made.broken(clean, np.random.default_rng(3), rates, ("typo", "fd", "missing"))
    assert reports(made_sources.reference(dirty)) is None


def panel(rng, entities, moments):
    """Who leads each country in each quarter: changes over time, no source is wrong."""
    offset = rng.integers(0, 9, entities)
    e, t = np.nonzero(np.ones((entities, moments)))
    return pl.DataFrame(
        {
            "country": [f"C{i}" for i in e],
            "quarter": [f"{2010 + i // 4}Q{i % 4 + 1}" for i in t],
            "leader": [f"Leader {i}-{(j + offset[i]) // 9}" for i, j in zip(e, t)],
        }
    )


@pytest.mark.parametrize("moments", [4, 8, 24])
def test_facts_that_change_over_time_are_no_conflicts(moments):
    assert reports(made_sources.reference(panel(np.random.default_rng(2), 60, moments))) is None


def test_marks_of_pupils_are_no_conflicts():
    rng = np.random.default_rng(5)
    mark = 2.5 + rng.normal(0, 1, (300, 1)) + rng.normal(0, 0.8, (1, 9)) + rng.normal(0, 0.6, (300, 9))
    e, s = np.nonzero(np.ones((300, 9)))
    frame = pl.DataFrame(
        {
            "pupil": [f"S{i:04d}" for i in e],
            "subject": [f"subject {chr(97 + i)}" for i in s],
            "mark": np.array(list("ABCDEF"))[np.clip(mark.astype(int), 0, 5)].ravel(),
        }
    )
    assert reports(made_sources.reference(frame)) is None


def test_prices_by_region_are_no_conflicts():
    rng = np.random.default_rng(6)
    e, s = np.nonzero(rng.random((200, 20)) < 0.7)
    region = rng.integers(0, 3, 20)
    base = np.round(rng.lognormal(2, 1, 200), 2)
    price = np.round(base[e] * np.array([1, 1.1, 1.25])[region[s]] * np.where(rng.random(len(e)) < 0.1, 0.8, 1), 2)
    frame = pl.DataFrame(
        {
            "product": [f"P{i:04d}" for i in e],
            "store": [f"store {chr(97 + i)}" for i in s],
            "region": np.array(["North", "South", "West"])[region[s]],
            "price": [f"{x:.2f}" for x in price],
        }
    )
    assert reports(made_sources.reference(frame)) is None


def test_natural_order_knows_numbers_and_months():
    texts = pl.Series(["v10", "v9", "v2"])
    assert natural_rank(texts).tolist() == [2, 1, 0]
    assert natural_rank(pl.Series(["April", "February", "January", "March"])).tolist() == [3, 1, 0, 2]


@settings(max_examples=10)
@given(seeds, st.integers(6, 20))
def test_random_errors_do_not_change_along_an_order(seed, sources):
    rng = np.random.default_rng(seed)
    e, s = np.nonzero(np.ones((60, sources)))
    value = np.where(rng.random(len(e)) < 0.7, 0, rng.integers(1, 30, len(e))) + 100 * e
    assert not changes_along(e, s, value, sources, np.arange(sources))


def test_known_values_teach_which_sources_are_reliable():
    """Ten sources share the errors of one; five independent ones are right. A few known values say who is."""
    rng = np.random.default_rng(8)
    entities, choices = 80, 9
    e, s = np.nonzero(np.ones((entities, 15)))
    event = rng.integers(1, choices, entities)
    said = np.where(s < 10, event[e], np.where(rng.random(len(e)) < 0.95, 0, rng.integers(1, choices, len(e))))
    packed, value = np.unique(e * choices + said, return_inverse=True)
    c = Claims(e, s, value, packed // choices, entities, 15, float(choices - 1))
    true = np.searchsorted(packed, np.arange(entities) * choices)
    known = np.where(np.arange(entities) < 4, true, -1)
    (alone,), (taught,) = consensus([c]), consensus([replace(c, known=known)])
    unknown = known < 0
    assert (alone.best == true)[unknown].mean() < 0.1
    assert (taught.best == true)[unknown].mean() > 0.95
    assert taught.accuracy[10:].min() > taught.accuracy[:10].max()
    assert (taught.best[~unknown] == true[~unknown]).all()


def test_the_sources_that_a_person_trusts_decide():
    rng = np.random.default_rng(9)
    c, _ = claims(rng, entities=60, sources=12, accuracy=0.6)
    trusted = np.arange(12) < 3
    (told,) = consensus([replace(c, trusted=trusted)])
    three = c.votes * 0 + np.bincount(c.value, weights=trusted[c.source], minlength=len(c.owner))
    clear = np.flatnonzero(three == 3)
    assert (told.best[c.owner[clear]] == clear).all()
    assert set(np.flatnonzero(told.camp >= 0)) <= {0, 1, 2}


def joined(rng, camps, entities=80, choices=9, accuracy=0.95):
    """Claims about one column, and the codes of each event: `camps[s]` is the event that source s reports."""
    sources = len(camps)
    e, s = np.nonzero(np.ones((entities, sources)))
    event = np.concatenate(
        [np.zeros((1, entities), int), rng.permuted(np.tile(np.arange(1, choices), (entities, 1)), axis=1).T]
    )
    told = event[np.array(camps)[s], e]
    said = np.where(rng.random(len(e)) < accuracy, told, rng.integers(0, choices, len(e)))
    packed, value = np.unique(e * choices + said, return_inverse=True)
    c = Claims(e, s, value, packed // choices, entities, sources, float(choices - 1))
    return c, [np.searchsorted(packed, np.arange(entities) * choices + event[k]) for k in range(max(camps) + 1)]


def test_sources_that_part_in_another_column_are_no_witnesses_for_each_other():
    """Seven of fifteen agree in both columns; the other eight agree here and report four events there."""
    rng = np.random.default_rng(11)
    here, codes = joined(rng, [0] * 7 + [1] * 8)
    there, _ = joined(rng, [0] * 7 + [1, 1, 2, 2, 3, 3, 4, 4])
    alone, both = consensus([here])[0], consensus([here, there])[0]
    assert (alone.best == codes[1]).mean() > 0.9
    assert (both.best == codes[0]).mean() > 0.9 and both.belief[codes[1]].mean() < 0.7 * alone.belief[codes[1]].mean()


def test_a_narrow_lead_gets_less_than_even_odds():
    rng = np.random.default_rng(12)
    narrow, _ = joined(rng, [0] * 7 + [1] * 8)
    wide, _ = joined(rng, [0] * 12 + [1] * 3)
    assert consensus([narrow])[0].probability.max() < 0.5
    assert np.median(consensus([wide])[0].probability) > 0.7


def test_a_spelling_is_no_surer_than_its_claim():
    dirty, _ = made_sources.two_events(np.random.default_rng(9))
    model = train_sources(made_sources.reference(dirty))
    batch = Batch.of(dirty)
    claimed = dirty.with_row_index("row").filter(pl.col("left").is_not_null()).head(200)
    rows = claimed.select(pl.col("row").cast(pl.Int64), column=pl.lit("left"), new="left")
    strange = rows.head(1).with_columns(new=pl.lit("99:99"))
    told = limits(batch, pl.concat([rows, strange, rows.with_columns(column=pl.lit("source"))]), model)
    assert len(told) == 201 and told["column"].unique().to_list() == ["left"]
    # of 16 sites 9 report one event and 7 another; now and then the two agree
    assert (told["most"] < 0.5).mean() > 0.9 and told["most"].median() > 0.2
    own = told.join(rows.head(1), on=["row", "new"])["most"][0]
    assert told.filter(pl.col("new") == "99:99")["most"][0] >= own
