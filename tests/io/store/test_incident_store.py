"""The same laws on SQLite and PostgreSQL: incidents change one writer at a time, and no news is lost or told twice."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from kintsu.core.notice import Notice
from kintsu.io.store import schema
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
    for since, n in ((START, 2), (START + DAY, 1)):
        with store.changing(ended_since=since) as draft:
            assert len(draft.incidents) == n
    assert len(store.incidents(with_ended=True)) == 2
    tables = store.history.tables()
    assert store.retain(tables, START) == 0 and store.retain(tables, START + DAY) == 1
    assert [i.id for i in store.incidents(with_ended=True)] == [there.id]


# pages


def known(number, opened, ended=None, table="orders"):
    """An incident that opened, and ended, so many hours after the start."""
    (one,), _ = follow((), [bad(f"b{number}", f"c{number}", table=table)], START + opened * HOUR)
    return one if ended is None else replace(one, state="resolved", resolved_at=START + ended * HOUR)


def put(store, *incidents):
    with store.changing(ended_since=START) as draft:
        draft.incidents = incidents


def in_order(incidents):
    """Open ones, the longest known first; ended ones, the last first."""
    running = sorted((i for i in incidents if i.is_open), key=lambda i: (i.opened_at, i.id))
    return [*running, *sorted((i for i in incidents if not i.is_open), key=lambda i: (i.resolved_at, i.id))[::-1]]


def pages(store, limit, between=lambda: None, **asked):
    """The incidents page by page, and what somebody does between two pages."""
    found, after = [], None
    while True:
        page = store.page(limit=limit, after=after, **asked)
        assert len(page.items) == limit or page.next is None
        found += page.items
        if (after := page.next) is None:
            return found
        between()


HOURS = st.tuples(st.integers(-2, 2), st.none() | st.integers(-2, 2), st.sampled_from(["orders", "items"]))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(told=st.lists(HOURS, max_size=9), limit=st.integers(1, 10))
def test_pages_of_any_size_are_the_whole_in_order(store, told, limit):
    with schema.writing(store.history.engine) as connection:
        connection.execute(schema.incidents.delete())
    every = [known(number, *each) for number, each in enumerate(told)]
    put(store, *every)
    running = [i for i in every if i.is_open]
    for with_ended, those in ((False, running), (True, every)):
        assert pages(store, limit, with_ended=with_ended) == in_order(those)
        assert list(store.incidents(with_ended=with_ended)) == in_order(those)
        mine = [i for i in those if i.table == "items"]
        assert pages(store, limit, with_ended=with_ended, tables=["items"]) == in_order(mine)


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_what_opens_between_pages_hides_nothing_and_comes_once(store, limit):
    every = [known(n, n % 3) for n in range(6)] + [known(n, -3, n % 2) for n in range(6, 11)]
    put(store, *every)
    fresh = [known(n, n) for n in range(20, 23)]
    waiting = iter(fresh)
    found = pages(store, limit, lambda: put(store, *islice(waiting, 1)), with_ended=True)
    assert len({i.id for i in found}) == len(found) and {i.id for i in found} & {i.id for i in fresh}
    assert [i for i in found if i not in fresh] == in_order(every) and found == in_order(found)


def test_the_incident_of_a_cursor_may_end_or_be_forgotten(store):
    every = in_order([*(known(n, n) for n in range(4)), *(known(n, 0, n) for n in range(4, 8))])
    put(store, *every)
    first = store.page(limit=2, with_ended=True)
    put(store, replace(every[1], state="resolved", resolved_at=START + 9 * HOUR))
    second = store.page(limit=3, after=first.next, with_ended=True)
    assert [i.id for i in second.items] == [every[2].id, every[3].id, every[1].id]  # where it is news once more
    third = store.page(limit=2, after=second.next, with_ended=True)
    with schema.writing(store.history.engine) as connection:
        connection.execute(schema.incidents.delete().where(schema.incidents.c.id == third.items[-1].id))
    assert [*third.items, *store.page(limit=9, after=third.next, with_ended=True).items] == every[4:]
    assert store.page(limit=9, after=third.next).items == ()  # open ones alone: there are none behind those that ended


def test_a_page_of_what_ended_looks_at_no_incident_that_it_does_not_show(tmp_path):
    store, asked = IncidentStore(History(tmp_path)), []
    store.history.watch("orders", {})
    put(store, *(known(n, 0, n) for n in range(6)))
    after = store.page(limit=2, with_ended=True).next
    event.listen(store.history.engine, "before_cursor_execute", lambda *told: asked.append(told[2:4]))
    store.page(limit=2, with_ended=True)
    store.page(limit=2, after=after, with_ended=True)
    reads = [each for each in asked if each[0].startswith("SELECT")]
    with schema.reading(store.history.engine) as connection:
        plans = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {each}", values).all() for each, values in reads]
    bounds = ("=?", ">?", ">? AND ended_us<?")
    for plan, bound in zip(plans, bounds, strict=True):
        assert plan[0][-1] == f"SEARCH incidents USING INDEX ix_incidents_tenant_ended (tenant=? AND ended_us{bound})"
    is_sorted = [step[-1] == "USE TEMP B-TREE FOR ORDER BY" for _, step in plans]
    assert is_sorted == [True, False, False]  # those that ended come in order, but for equal moments


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
