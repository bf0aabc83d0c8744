"""Events that were accepted wait in order, once each, until they are done with; files of events hold each once."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.core.events import HEALED, QUARANTINE, WHY, Event, Output
from kintsu.io.event_files import EventFiles
from kintsu.io.service.pushed import Full, Pushed, PushedEvents, event_id
from kintsu.io.store.history import History
from kintsu.io.store.presence import alone

NOW_MS = time.time_ns() // 1_000_000


def named(*values):
    return [(event_id(value), value) for value in values]


def test_an_event_waits_once_until_it_is_done(store_place):
    pushed = Pushed(History(store_place, "acme"))
    assert pushed.add("orders", named(b"1", b"2", b"1"), at_ms=NOW_MS, most=10) == [True, True, False]
    assert pushed.add("orders", named(b"2", b"3"), at_ms=NOW_MS, most=10) == [False, True]
    assert pushed.waiting() == {"orders": 3}
    source = PushedEvents(pushed, "orders")
    source.news.set()
    events = source.poll(2, 0.0)
    assert [(event.value, event.at_ms) for event in events] == [(b"1", NOW_MS), (b"2", NOW_MS)]
    assert [event.value for event in PushedEvents(pushed, "orders").poll(5, 0.0)] == [b"1", b"2", b"3"]  # not committed
    source.commit({("orders", 0): events[-1].place + 1})
    assert pushed.waiting() == {"orders": 1} and [event.value for event in source.poll(5, 0.0)] == [b"3"]
    assert pushed.add("orders", named(b"1"), at_ms=NOW_MS, most=10) == [False]  # a repeat is known afterwards
    pushed.done("orders", events[-1].place + 1, NOW_MS + 8 * 86_400_000)
    assert pushed.add("orders", named(b"1"), at_ms=NOW_MS, most=10) == [True]  # but not for ever
    (last,) = PushedEvents(pushed, "orders").poll(5, 0.0)[-1:]
    assert last.place > events[-1].place + 1  # places are never given twice


def test_too_many_are_refused_as_a_whole(store_place):
    pushed = Pushed(History(store_place))
    pushed.add("orders", named(b"1", b"2"), at_ms=0, most=3)
    with pytest.raises(Full):
        pushed.add("orders", named(b"3", b"4"), at_ms=0, most=3)
    assert pushed.waiting() == {"orders": 2} and pushed.add("other", named(b"3"), at_ms=0, most=3) == [True]


def test_tenants_do_not_see_each_other(store_place):
    mine, other = Pushed(History(store_place, "acme")), Pushed(History(store_place, "other"))
    mine.add("orders", named(b"1"), at_ms=0, most=3)
    assert other.waiting() == {} and other.add("orders", named(b"1"), at_ms=0, most=3) == [True]
    other.done("orders", 10, 0)
    assert mine.waiting() == {"orders": 1}


def output(n, aside=False):
    event = Event("orders", 0, n, 0, f"id-{n}".encode(), b'{"n":%d}' % n)
    headers = ((WHY, b"no id"),) if aside else ()
    return Output(event, QUARANTINE if aside else HEALED, event.value, headers)


def lines(folder):
    return [json.loads(line) for path in sorted(folder.glob("*.ndjson")) for line in path.read_bytes().splitlines()]


N = 20


@settings(max_examples=30)
@given(st.sets(st.integers(1, N)), st.lists(st.tuples(st.integers(0, N), st.integers(1, N)), max_size=5))
def test_files_hold_each_event_once_whatever_is_repeated(tmp_path_factory, bad, restarts):
    folder, done = tmp_path_factory.mktemp("out"), 0
    for back, ahead in [*restarts, (0, N)]:
        sink, first = (
            EventFiles(folder, "orders"),
            max(done - back, 0) + 1,
        )  # it was killed, and begins anew before that
        last = min(max(done, first) + ahead, N)
        for start in range(first, last + 1, 3):
            sink.send([output(k, k in bad) for k in range(start, min(start + 3, last + 1))])
        done = max(done, last)
    assert [each["n"] for each in lines(folder)] == [k for k in range(1, N + 1) if k not in bad]
    assert [each["id"] for each in lines(folder / "quarantine")] == [f"id-{k}" for k in sorted(bad)]


def test_what_was_put_aside_before_a_crash_is_not_there_twice(tmp_path):
    EventFiles(tmp_path, "orders").send([output(1)])
    (tmp_path / "quarantine" / "orders-000000000002-000000000003.ndjson").write_bytes(b'{"id": "id-2"}\n')
    EventFiles(tmp_path, "orders").send([output(2, aside=True), output(3, aside=True), output(4)])
    assert [each["id"] for each in lines(tmp_path / "quarantine")] == ["id-2", "id-3"]
    assert [each["n"] for each in lines(tmp_path)] == [1, 4]


def test_tables_that_share_a_folder_and_a_beginning_lose_nothing(tmp_path):
    EventFiles(tmp_path, "orders-eu").send([output(7)])
    EventFiles(tmp_path, "orders").send([output(3)])
    assert sorted(each["n"] for each in lines(tmp_path)) == [3, 7]


def test_a_table_is_mended_by_one_at_a_time(store_place):
    engine = History(store_place).engine
    with (
        alone(engine, "push orders") as first,
        alone(engine, "push orders") as second,
        alone(engine, "push a") as other,
    ):
        assert first and other and second == (engine.dialect.name == "sqlite")  # there a lock of a file tells
    with alone(engine, "push orders") as again:
        assert again
