"""Streams in the store: every event is counted once, whoever brings it how often."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from kintsu.io.store import schema
from kintsu.io.store.database import forget, migrate, writing
from kintsu.io.store.history import History
from kintsu.io.store.streams import Passed, StreamStore
from kintsu.monitor.stream.tally import ColumnTally, WindowTally


def passed(first, after, part=0, **more):
    """Events of one part, each with one cell."""

    def tally(marks):
        n = max(after - max(first, marks.get(("orders", part), 0)), 0)
        return WindowTally(n, passed=n, columns={"a": ColumnTally(n)})

    return Passed({("orders", part): first}, {("orders", part): after}, tally, **more)


@pytest.fixture
def store(store_place):
    return StreamStore(History(store_place))


def test_what_comes_again_is_not_counted_again(store):
    stream = store.stream("g/orders", {})
    counted = [store.record(stream, 0, passed(*span)).tally.events for span in ((0, 5), (0, 5), (3, 8), (8, 9), (2, 4))]
    assert counted == [5, 0, 3, 1, 0]
    assert store.marks(stream) == {("orders", 0): 9}
    (window,) = store.windows(stream)
    assert window.tally == WindowTally(9, passed=9, columns={"a": ColumnTally(9)})


def test_workers_on_other_parts_share_a_window(store):
    stream = store.stream("g/orders", {})

    def work(part):
        for at in range(0, 50, 5):
            store.record(stream, 0, passed(at, at + 5, part, examples=[{"id": f"{part}/{at}"}]))

    workers = [threading.Thread(target=work, args=(part,)) for part in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    (window,) = store.windows(stream)
    assert window.tally.events == 150 and window.tally.columns["a"].cells == 150 and len(window.examples) == 20


def test_an_alert_is_kept_once_and_only_with_new_events(store):
    stream = store.stream("g/orders", {})
    alert = {"id": "a-detect", "stage": "detect", "message": "é"}
    store.record(stream, 7, passed(0, 5, alerts=[alert, alert]))
    store.record(stream, 8, passed(5, 6, alerts=[alert]))
    store.record(stream, 9, passed(5, 6, alerts=[alert | {"id": "b-detect"}]))
    assert store.alerts(stream) == [alert]


def test_an_alert_is_written_with_its_trouble_and_is_somebodys_to_send_until_it_arrives(store):
    stream, now, late = store.stream("g/orders", {}), datetime(2026, 11, 22, tzinfo=UTC), timedelta(seconds=10)
    begun, over = ({"id": f"{name}-detect", "stage": "detect"} for name in "ab")
    trouble = (stream, "null_flood", "city")
    assert store.begin(*trouble, "gone", now, None, [begun])
    assert not store.begin(*trouble, "gone", now, None, [{**begun, "id": "c-detect"}])
    assert store.end(*trouble, now, [over]) and not store.end(*trouble, now, [{**over, "id": "d-detect"}])
    assert store.alerts(stream) == [begun, over]
    assert store.unsent(stream, now + timedelta(seconds=9), late) == []
    assert StreamStore(History(store.history.place, tenant="other")).unsent(stream, now + late, late) == []
    assert store.unsent(stream, now + late, late) == [begun, over]
    assert store.unsent(stream, now + late, late) == []  # it is that one's to send now
    store.sent(stream, ["a-detect"])
    store.record(stream, 0, passed(0, 5, alerts=[over]))
    assert store.unsent(stream, now + 9 * late, late) == [] and store.alerts(stream) == [begun, over]


def test_a_tenant_sees_nothing_of_another(store):
    stream = store.stream("g/orders", {})
    store.record(stream, 0, passed(0, 5, alerts=[{"id": "a", "stage": "detect"}]))
    other = StreamStore(History(store.history.place, tenant="other"))
    assert other.names() == {} and store.names() == {"g/orders": stream}
    assert other.windows(stream) == [] and other.alerts(stream) == [] and other.marks(stream) == {}
    assert other.stream("g/orders", {}) != stream
    assert other.retain(stream, datetime.now(UTC)) == 0 and len(store.windows(stream)) == 1


def test_old_windows_are_forgotten_and_marks_are_not(store):
    stream = store.stream("g/orders", {})
    store.record(stream, 0, passed(0, 5, alerts=[{"id": "a", "stage": "detect"}]))
    store.record(stream, 10_000_000, passed(5, 6))
    assert store.retain(stream, datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC)) == 1
    assert [window.at_us for window in store.windows(stream)] == [10_000_000] and store.alerts(stream) == []
    assert store.record(stream, 20_000_000, passed(0, 6)).tally.events == 0


def test_what_waits_is_told_of_all_parts_whoever_told_last(store):
    stream = store.stream("g/orders", {})
    assert store.record(stream, 0, passed(0, 5)).lag is None and store.parts() == []
    assert (
        store.record(stream, 0, passed(0, 5, spans={("orders", 0): (0, 9)}, seen_us=7)).lag == 4
    )  # of what came again too
    assert store.record(stream, 0, passed(0, 5, part=1, spans={("orders", 1): (0, 25)}, seen_us=8)).lag == 4 + 20
    assert store.record(stream, 0, passed(5, 9)).lag == 20
    assert store.record(stream, 0, passed(9, 11)).lag == 20  # of the first part it is known that it goes on
    assert [(part.part, part.place, part.lag) for part in store.parts()] == [(0, 11, 0), (1, 5, 20)]
    (window,) = store.windows(stream)
    assert window.lag == 20 and store.line(stream).parts == tuple(store.parts())
    assert StreamStore(History(store.history.place, tenant="other")).parts() == []


def test_a_part_that_is_no_more_does_not_wait(store):
    stream, minute = store.stream("g/orders", {}), 60_000_000
    store.record(stream, 0, passed(0, 5, spans={("orders", 0): (0, 500)}, seen_us=1))
    told = passed(0, 5, part=1, spans={("orders", 1): (0, 6), ("orders", 2): (4, 9)}, seen_us=minute)
    assert store.record(stream, 0, told).lag == 495 + 1 + 5  # nothing came of the last one yet
    again = passed(5, 5, part=1, spans={("orders", 1): (0, 8)}, seen_us=minute + 2)
    assert store.record(stream, 0, again).lag == 3 + 5 and [each.part for each in store.parts()] == [1, 2]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 30)), min_size=1, max_size=8))
def test_the_lag_is_what_lies_between_place_and_end_in_any_order(tmp_path_factory, told):
    store = StreamStore(History(tmp_path_factory.mktemp("store")))
    stream, places, ends = store.stream("s", {}), {}, {}
    for part, after, end in told:
        counted = store.record(stream, 0, passed(0, after, part, spans={("orders", part): (0, end)}, seen_us=1))
        places[part], ends[part] = max(places.get(part, 0), after), end
        assert counted.lag == sum(max(ends[part] - places[part], 0) for part in ends)
    assert [part.place for part in store.parts()] == [places[part] for part in sorted(places)]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 6)), max_size=8))
def test_any_spans_without_gaps_count_each_event_once(tmp_path_factory, wanted):
    store = StreamStore(History(tmp_path_factory.mktemp("store")))
    stream = store.stream("s", {})
    end = 0
    for back, n in wanted:
        first = max(end - back, 0)
        store.record(stream, 0, passed(first, first + n))
        end = max(end, first + n)
    assert sum(window.tally.events for window in store.windows(stream)) == end


@pytest.mark.parametrize("column", ["n" * 300, "a\0b", ""], ids=["long", "nul", "none"])
def test_a_trouble_is_kept_whatever_the_field_is_called(store, column):
    stream, now = store.stream("g/orders", {}), datetime(2026, 3, 1, tzinfo=UTC)
    alert = {"id": "a-detect", "stage": "detect", "column": column}
    about = stream, "new_field", column
    begun = [store.begin(*about, f"field `{column}` is new", now, None, [alert]) for _ in range(2)]
    assert begun == [True, False] and len(store.troubles(stream)) == 1
    assert store.alerts(stream)[0]["column"] == column
    assert store.end(*about, now) and not store.troubles(stream)


def test_a_line_tells_what_its_windows_add_up_to(store):
    stream, other = store.stream("g/orders", {}), store.stream("g/items", {})
    for at_us, first, after in ((20_000_000, 0, 5), (0, 3, 9), (10_000_000, 9, 11)):
        store.record(stream, at_us, passed(first, after))

    def added_up():
        windows = store.windows(stream)
        whole = reduce(WindowTally.merge, (each.tally for each in windows), WindowTally())
        return replace(whole, columns={}), windows[-1].at_us if windows else None

    def told():
        line = store.line(stream)
        return line.totals, line.last_us

    assert told() == added_up() == (WindowTally(11, passed=11), 20_000_000)
    for seconds, left in ((5, 5 + 2), (15, 5), (25, 0)):
        assert store.retain(stream, datetime(1970, 1, 1, 0, 0, seconds, tzinfo=UTC)) == 1
        assert told() == added_up() and store.line(stream).totals.events == left
    assert store.line(other).totals == WindowTally() and store.line(other).last_us is None


def test_what_came_before_totals_were_kept_is_added_up(store):
    engine = store.history.engine
    with writing(engine) as connection:
        schema.metadata.drop_all(connection)
        connection.execute(text("DELETE FROM alembic_version"))
    with writing(engine) as connection:
        migrate(connection, since="base", to="0019")
        for name in ("g/orders", "g/items"):
            values = f"('local', '{name}', '{{}}', '2026-01-01T00:00:00.000Z')"
            connection.execute(text(f"INSERT INTO streams (tenant, name, settings, created_at) VALUES {values}"))
        for at_us, n in ((20_000_000, 5), (0, 4)):
            names = f"stream, at_us, tenant, {', '.join(schema.COUNTS)}, columns, examples"
            values = f"1, {at_us}, 'local', {n}, {n}, 0, 0, 0, 0, 7, '{{}}', '[]'"
            connection.execute(text(f"INSERT INTO stream_windows ({names}) VALUES ({values})"))
    forget()
    if isinstance(store.history.place, str):  # the engine of a URL is shared: it is noticed when it is opened
        schema.connect(store.history.place)
    orders, items = StreamStore(History(store.history.place)).page(limit=9)
    assert (orders.totals, orders.last_us) == (WindowTally(9, passed=9, late_ms=14), 20_000_000)
    assert (items.totals, items.last_us) == (WindowTally(), None)


def test_a_folder_of_many_files_is_counted_by_the_file_at_hand(store):
    stream = store.stream("folder", {})
    for n in range(3):
        file = {(f"f{n}", 0): 0}
        counted = store.record(stream, 0, Passed(file, {(f"f{n}", 0): 1}, lambda marks: WindowTally(1), lag=2 - n))
        assert (counted.tally.events, counted.lag) == (1, 2 - n)
    assert store.marks(stream) == {(f"f{n}", 0): 1 for n in range(3)}
