"""The same laws on SQLite and PostgreSQL: incidents change one writer at a time, and no news is lost or told twice."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kintsu.core.notice import Notice
from kintsu.io.store.batch_rows import BatchRow
from kintsu.io.store.history import History
from kintsu.io.store.incidents import GIVEN_UP, SENT, Delivery, IncidentStore
from kintsu.monitor.incidents import JudgedBatch, follow, resolve
from kintsu.monitor.judge import BatchJudgement, Cause

START = datetime(2026, 11, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def place(store_place):
    return store_place


@pytest.fixture
def store(place):
    history = History(place)
    history.watch("orders", {})
    history.watch("items", {})
    yield IncidentStore(history)
    history.engine.dispose()


def bad(batch, *columns, table="orders"):
    causes = tuple(Cause(column, "null", 3.0, f"`{column}` é is empty", "0 % to 1 %") for column in columns)
    return JudgedBatch(table, batch, BatchJudgement(True, 3.0, "missing", columns, causes, "judged", 30))


def notice(number=1, at=START):
    found = ("orders",), ("0a1b",), "missing", ("é",), "40 %", "1 %", ("why",), ("b1",)
    return Notice(f"n{number}", "opened", "warn", at, "title", *found)


def hand_over(store, batches, now=START):
    with store.changing(ended_since=now - 7 * DAY) as draft:
        draft.incidents, placed = follow(draft.incidents, batches, now)
    return placed


def test_incidents_come_back_as_they_were_written(store):
    hand_over(store, [bad("b1", "email"), bad("b1", "price", table="items")])
    hand_over(store, [bad("b0", "city")], START - HOUR)
    city, *later = store.incidents()
    assert city.columns == ("city",) and {i.table for i in later} == {"orders", "items"}  # the longest known first
    (held,) = store.incidents(["items"])
    assert held.causes == ("`price` é is empty; 0 % to 1 % was expected",) and held.news == "opened"
    hand_over(store, [bad("b2", "price", table="items")], START + HOUR)
    (after,) = store.incidents(["items"])
    assert (after.id, after.n_alerts, after.batches) == (held.id, 2, ("b1", "b2"))


def test_what_ended_long_ago_is_listed_and_plays_no_part(store):
    hand_over(store, [bad("b1", "email"), bad("b2", "city")])
    gone, there = store.incidents()
    with store.changing(ended_since=START) as draft:
        draft.incidents = resolve(draft.incidents, gone.id, START + HOUR)
    assert [i.id for i in store.incidents()] == [there.id]
    assert len(store.incidents(ended_since=START)) == 2 and len(store.incidents(ended_since=START + DAY)) == 1
    assert len(store.incidents(with_ended=True)) == 2
    tables = store.history.tables()
    assert store.retain(tables, START) == 0 and store.retain(tables, START + DAY) == 1
    assert [i.id for i in store.incidents(with_ended=True)] == [there.id]


def test_nothing_is_written_if_the_change_fails(store):
    with pytest.raises(ZeroDivisionError), store.changing(ended_since=START) as draft:
        draft.incidents, _ = follow(draft.incidents, [bad("b1", "email")], START)
        draft.deliveries = [Delivery("log", notice())]
        1 / 0  # noqa: B018
    assert store.incidents(with_ended=True) == () and store.deliveries() == []


def test_writers_at_once_open_one_incident_for_one_cause(store, place):
    def one(number):
        mine = IncidentStore(History(place))
        mine.history.watched("orders")
        ready.wait()
        for day in range(5):
            hand_over(mine, [bad(f"b{day}-{number}", "email")], START + day * HOUR)

    ready = threading.Barrier(4)
    threads = [threading.Thread(target=one, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    (only,) = store.incidents(with_ended=True)
    assert only.n_alerts == 20 and len(set(only.batches)) == 20


def test_news_is_claimed_by_one_and_waits_until_it_arrives(store):
    with store.changing(ended_since=START) as draft:
        draft.deliveries = [Delivery(route, notice(n)) for n in (1, 2) for route in ("log", "webhook")]
    assert store.claim(["slack"], START) == []
    mine = store.claim(["webhook"], START)
    assert [each.notice for each in mine] == [notice(1), notice(2)] and store.claim(["webhook"], START) == []
    store.settle([replace(mine[0], state="sent", n_tries=1), replace(mine[1], state="waiting", failure="503")])
    (again,) = store.claim(["webhook"], START + HOUR)
    assert (again.notice.id, again.failure) == ("n2", "503")
    assert [each.notice.id for each in store.claim(["webhook"], START + 2 * HOUR)] == ["n2"]  # its sender was killed
    assert [each.route for each in store.deliveries([SENT])] == ["webhook"]
    assert store.claim(["log"], START + 8 * DAY) == []  # old news
    assert {each.route for each in store.deliveries([GIVEN_UP])} == {"log", "webhook"}


def test_a_tenant_sees_only_its_own(store, place):
    other = IncidentStore(History(place, tenant="other"))
    other.history.watch("orders", {})
    with store.changing(ended_since=START) as draft:
        draft.incidents, _ = follow(draft.incidents, [bad("b1", "email")], START)
        draft.deliveries = [Delivery("log", notice())]
    assert other.incidents(with_ended=True) == () and other.deliveries() == [] and other.claim(["log"], START) == []
    hand_over(other, [bad("b1", "email")])
    assert len(other.incidents()) == 1 and len(store.incidents()) == 1
    other.retain(other.history.tables() + store.history.tables(), START + DAY)
    assert len(store.deliveries()) == 1
    other.history.engine.dispose()


def test_a_table_that_is_forgotten_takes_its_incidents_along(store):
    hand_over(store, [bad("b1", "email")])
    store.history.forget("orders")
    store.history.watch("orders", {})
    assert store.incidents(with_ended=True) == ()
    with store.changing(ended_since=START) as draft:
        stray = follow((), [bad("b1", "x", table="nothing")], START)[0]
        draft.incidents = stray
    assert store.incidents(with_ended=True) == ()


def test_pruning_leaves_what_a_baseline_needs_and_where_it_began(store):
    history = store.history
    table = history.watched("orders")
    first = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [BatchRow(f"day-{n:03}", first + n * DAY, 1, {"rows": 1.0}, sketch=b"x") for n in range(120)]
    history.record_all(table, rows, keep=40)
    assert history.retain(table, first + 119 * DAY) == 1  # January; February tells where the batches began
    assert history.contents(table)[1] == datetime(2026, 3, 1, tzinfo=UTC)
    assert history.course(table)["at"].min() == datetime(2026, 2, 1, tzinfo=UTC)
    assert len(history.sketches(table, 100)) == 40 and history.retain(table, first + 119 * DAY) == 0
