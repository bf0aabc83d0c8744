"""Tables in any order come in pages without gap or repeat, and are found by a part of their name."""

from datetime import UTC, datetime, timedelta

import pytest

from kintsu.io.store.batch_rows import BatchRow
from kintsu.io.store.history import History
from kintsu.io.store.overview import SORTS, tables_called, tables_page

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = ["Orders.csv", "orders", "a_b.csv", "axb.csv", "100%.csv", "zebra.csv", "Émile.csv"]


@pytest.fixture
def history(store_place):
    """Tables with runs, one that is watched, and one of another tenant."""
    found = History(store_place, "acme")
    for n, name in enumerate(NAMES):
        if name == "orders":
            found.watch(name, {"source": "x"})
        else:
            at = NOW + timedelta(days=n * 3 % 7)
            found.keep_run(name, f"/data/{name}", BatchRow(f"r-{n}", at, n, {"score:overall": 99.0}, state="heal"))
    other = History(store_place, "other")
    other.keep_run("orders.csv", "/data/x", BatchRow("r-9", NOW, 1, {"score:overall": 9.0}, state="heal"))
    return found


def pages(history, **asked):
    lines, after = [], None
    while True:
        page = tables_page(history, limit=2, after=after, **asked)
        lines += page.items
        if page.next is None:
            return lines
        after = int(page.next)


@pytest.mark.parametrize("sort", SORTS)
def test_pages_in_an_order_are_the_whole(history, sort):
    lines = pages(history, sort=sort)
    assert lines == tables_page(history, limit=100, sort=sort).items and len(lines) == len(NAMES)
    name = sort.removeprefix("-")
    if name == "last_at":
        known = [line.last_at or "" for line in lines]
        assert known == sorted(known, reverse=sort.startswith("-"))
    elif name == "name":
        known = [line.name.casefold() for line in lines]
        assert known == sorted(known, reverse=sort.startswith("-"))
        assert pages(history, sort="name") == pages(history, sort="-name")[::-1]


@pytest.mark.parametrize(
    ("q", "wanted"),
    [
        ("ORD", {"Orders.csv", "orders"}),
        ("_", {"a_b.csv"}),
        ("%", {"100%.csv"}),
        ("csv", {*NAMES} - {"orders"}),
        ("\\", set()),
        ("éMI", {"Émile.csv"}),
    ],
)
def test_tables_are_found_by_a_part_of_their_name(history, q, wanted):
    assert {line.name for line in pages(history, q=q, sort="-last_at")} == wanted


def test_a_page_goes_on_where_its_last_table_was(history):
    first = tables_page(history, limit=2, sort="id")
    assert tables_page(history, limit=100, after=10**9, sort="name").items == []
    assert tables_page(history, limit=9, after=int(first.next), kind="runs", sort="id").items[0].id > int(first.next)


def test_the_tables_that_a_name_may_mean(history):
    def called(name):
        return {each.settings["table"] for each in tables_called(history, name)}

    assert called("zebra") == called("zebra.csv") == called("/data/zebra.csv") == {"zebra.csv"}
    assert called("a_b") == {"a_b.csv"} and called("zeb") == set() and called("/data/x") == set()
