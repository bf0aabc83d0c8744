"""The same laws on SQLite and PostgreSQL: what was recorded of a batch comes back, per tenant, in order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from sqlalchemy import inspect, text

from kintsu.core.errors import MissingExtra, OutputError, UsageError
from kintsu.io.store import schema
from kintsu.io.store.batch_rows import ACCEPTED, HELD, REJECTED, RUNS, BatchRow
from kintsu.io.store.database import HEAD, forget, migrate, writing
from kintsu.io.store.history import History
from kintsu.io.store.store import Store

START = datetime(2025, 1, 1, tzinfo=UTC)
HEADS = ["name", "at", "due", "arrived", "judged_at", "rows", "state", "alarm", "score", "issue"]
HEADS += ["verdict_by", "verdict_at"]


@pytest.fixture
def place(store_place):
    return store_place


@pytest.fixture
def history(place):
    opened = History(place)
    yield opened
    opened.engine.dispose()


def day(n, **values):
    facts = {"rows": 100.0 + n, "completeness:email": 1 - n / 1000}
    return BatchRow(name=f"day-{n:03}", at=START + timedelta(days=n), rows=100 + n, **{"facts": facts} | values)


def test_a_batch_comes_back_as_it_was_recorded(history):
    table = history.watch("orders", {"source": "orders/*.csv"})
    sent = day(3, state=HELD, alarm=True, score=7.5, issue="missing", judgement={"why": "é"}, sketch=b"\x00\xff")
    kept = history.record(table, sent)
    back = history.batch(table, "day-003")
    assert back == kept or back.facts["completeness:email"] == pytest.approx(0.997, rel=1e-6)
    assert (back.at, back.rows, back.state, back.alarm, back.score) == (sent.at, 103, HELD, True, 7.5)
    assert (back.judgement, back.sketch, back.issue) == ({"why": "é"}, b"\x00\xff", "missing")


def test_a_batch_that_came_again_takes_the_place_of_the_first(history):
    table = history.watch("orders", {})
    history.record(table, day(1))
    history.record(table, day(1, content="other"))
    assert history.contents(table) == ({"day-001": "other"}, None)


def test_the_course_is_in_order_of_time_whatever_the_order_of_arrival(history):
    table = history.watch("orders", {})
    history.record_all(table, [day(n) for n in (5, 1, 3)])
    history.record(table, day(4, facts={"rows": 104.0, "mean:price": 2.5}))
    course = history.course(table)
    assert course["name"].to_list() == ["day-001", "day-003", "day-004", "day-005"]
    assert course["completeness:email"].null_count() == 1 and course["mean:price"].drop_nulls().to_list() == [2.5]
    assert course["at"].dtype == pl.Datetime("us", "UTC")
    assert history.course(table, ["mean:price"], since=START + timedelta(days=4)).height == 2
    assert history.course(table, ["unknown"])["unknown"].null_count() == 4


def test_only_batches_that_count_as_normal_are_learnt_from(history):
    table = history.watch("orders", {})
    for n in range(5):
        history.record(table, day(n, sketch=bytes([n]), state=HELD if n == 2 else "learnt"))
    assert history.sketches(table, 10) == [b"\x00", b"\x01", b"\x03", b"\x04"]
    history.decide(table, "day-002", ACCEPTED, by="ann")
    assert history.sketches(table, 3) == [b"\x02", b"\x03", b"\x04"]
    assert history.sketches(table, 3, before=START + timedelta(days=3)) == [b"\x00", b"\x01", b"\x02"]
    told = history.decide(table, "day-002", REJECTED, by="ann")
    assert told.verdict_by == "ann" and told.verdict_at
    assert history.sketches(table, 3) == [b"\x01", b"\x03", b"\x04"]


def test_old_sketches_go_and_packed_rows_stay(history):
    table = history.watch("orders", {})
    for n in range(9):
        history.record(table, day(n, sketch=bytes([n])), keep=4)
    assert history.sketches(table, 100) == [bytes([n]) for n in range(5, 9)]
    assert history.course(table).height == 9
    history.record_all(table, [day(n, sketch=b"x") for n in range(9, 70)], keep=4)
    assert history.contents(table)[1] == datetime(2025, 3, 1, tzinfo=UTC)
    assert history.course(table)["name"].to_list() == [f"day-{n:03}" for n in range(70)]


def test_packing_months_changes_no_course(history):
    table = history.watch("orders", {})
    extra = {"rows": 1.0, "mean:price": 2.5}
    days = [day(n, alarm=n == 3, sketch=b"x", **({"facts": extra} if n == 7 else {})) for n in range(75)]
    history.record_all(table, days, keep=1000)
    before = history.course(table)
    history.pack(table, START + timedelta(days=40))
    assert history.contents(table)[1] == datetime(2025, 2, 1, tzinfo=UTC) and len(history.contents(table)[0]) == 44
    assert_frame_equal(history.course(table).select(before.columns), before)
    since = START + timedelta(days=20)
    assert_frame_equal(
        history.course(table, ["mean:price"], since=since),
        before.filter(pl.col("at") >= since).select(*HEADS, "mean:price"),
    )
    history.record(table, replace(day(7), name="late"))  # one more of a packed month
    history.pack(table, START + timedelta(days=70))
    assert history.course(table).height == 76 and len(history.contents(table)[0]) == 16
    history.retain(table, START + timedelta(days=35))
    assert history.course(table)["at"].min() == datetime(2025, 2, 1, tzinfo=UTC)


def test_a_tenant_sees_only_its_own(place, history):
    mine = history.watch("orders", {"a": 1})
    other = History(place, tenant="other")
    assert other.tables() == []
    with pytest.raises(UsageError, match="no table 'orders' is watched"):
        other.watched("orders")
    theirs = other.watch("orders", {"a": 2})
    history.record(mine, day(1))
    assert other.course(theirs).is_empty()
    other.engine.dispose()


def test_names_are_told_when_one_is_unknown(history):
    table = history.watch("orders", {})
    with pytest.raises(UsageError, match="did you mean 'orders'"):
        history.watched("order")
    with pytest.raises(UsageError, match="watched already"):
        history.watch("orders", {})
    with pytest.raises(UsageError, match="has no batch"):
        history.decide(table, "nothing", ACCEPTED, by="ann")
    assert history.watch("orders", {"b": 1}, replace=True).id == table.id


def test_a_table_that_is_forgotten_takes_its_batches_along(history):
    table = history.watch("orders", {})
    history.record_all(table, [day(1), day(2)])
    history.forget("orders")
    again = history.watch("orders", {})
    assert history.course(again).is_empty()


def test_the_migrations_make_the_tables_that_the_code_knows(history):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine = history.engine
    with writing(engine) as connection:
        schema.metadata.drop_all(connection)
        connection.execute(text("DELETE FROM alembic_version"))
    with writing(engine) as connection:
        migrate(connection, since="base")
    with writing(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD


def test_a_store_from_before_there_were_migrations_is_brought_up_to_date(tmp_path):
    store = Store(tmp_path)
    store.note("", "noted", {"before": 1})
    with writing(store.engine) as connection:
        later = set(schema.metadata.tables) - {"entries", "head", "runs"}
        schema.metadata.drop_all(connection, [schema.metadata.tables[name] for name in later])
        connection.execute(text("DROP TABLE alembic_version"))
        for index in ("ix_runs_name_n", "ix_runs_kind_n", "ix_runs_status", "ix_entries_kind"):
            connection.execute(text(f"DROP INDEX {index}"))
        for column in ("kind", "name"):
            connection.execute(text(f"ALTER TABLE runs DROP COLUMN {column}"))
    forget()
    opened = Store(tmp_path)
    assert set(inspect(opened.engine).get_table_names()) >= {"batches", "months", "entries"}
    assert [entry.payload for entry in opened.entries()] == [{"before": 1}]
    assert opened.verify().entries == 1


def test_a_place_that_cannot_hold_a_store_is_refused():
    with pytest.raises(UsageError, match="not mysql"):
        History("mysql://a@b/c").tables()
    with pytest.raises(UsageError, match="no database URL"):
        History("not a ://").tables()
    with pytest.raises(OutputError, match="Is it running") as caught:
        History("postgresql://someone:secret@127.0.0.1:1/none").tables()
    assert "secret" not in str(caught.value)


def test_a_missing_driver_names_the_line_that_installs_it(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match=r"kintsu\[postgres\]"):
        History("postgresql://a@127.0.0.1:1/none").tables()


def test_runs_are_kept_apart_from_watched_tables(history):
    watched = history.watch("orders", {"source": "orders.csv"})
    history.record(watched, day(1))
    for n in range(75):
        history.keep_run("orders", "/data/orders.csv", replace(day(n), name=f"r-{n:03}", state="heal"))
    history.keep_run("orders", "/else/orders.csv", replace(day(2), name="c-1", state="check"))
    assert history.tables() == [watched] and history.course(watched).height == 1
    kept = {each.settings["place"]: each for each in history.tables(RUNS)}
    assert set(kept) == {"/data/orders.csv", "/else/orders.csv"}
    mine = kept["/data/orders.csv"]
    course = history.course(mine, ["completeness:email"])
    assert course["name"].to_list() == [f"r-{n:03}" for n in range(75)]
    assert course["completeness:email"].to_list() == pytest.approx([1 - n / 1000 for n in range(75)], rel=1e-6)
    assert len(history.contents(mine)[0]) == 16  # January and February are packed
    assert history.sketches(mine, 100) == [] and history.alarms() == []
    with pytest.raises(UsageError):
        history.watched(mine.name)
    assert History(history.place, tenant="other").tables(RUNS) == []
    assert history.retain(mine, START + timedelta(days=40)) == 1
    assert history.course(mine).height == 75 - 31


def test_tables_watched_before_runs_were_kept_are_still_watched(history):
    with writing(history.engine) as connection:
        schema.metadata.drop_all(connection)
        connection.execute(text("DELETE FROM alembic_version"))
    with writing(history.engine) as connection:
        migrate(connection, since="base", to="0004")
        columns = "(tenant, name, settings, created_at)"
        connection.execute(text(f"INSERT INTO monitors {columns} VALUES ('local', 'orders', '{{}}', '2026-01-01')"))
    forget()
    opened = History(history.place)
    if isinstance(history.place, str):  # the engine of a URL is shared: the new version is noticed when it is opened
        schema.connect(history.place)
    assert [each.name for each in opened.tables()] == ["orders"] and opened.tables(RUNS) == []
    opened.engine.dispose()


def test_each_tenant_has_one_secret_for_good(history):
    salt, is_new = history.salt()
    assert is_new and len(salt) == 32
    assert History(history.place).salt() == (salt, False)
    other, is_new = History(history.place, tenant="other").salt()
    assert is_new and other != salt


def test_sketches_are_redrawn_where_they_are_kept(history):
    mine, other = history.watch("orders", {}), history.watch("items", {})
    history.record_all(mine, [day(1, sketch=b"a"), day(2), day(3, sketch=b"c")])
    history.record(other, day(1, sketch=b"x"))
    history.redraw(mine, bytes.upper)
    assert history.sketches(mine, 9) == [b"A", b"C"] and history.sketches(other, 9) == [b"x"]
    assert history.batch(mine, "day-002").sketch is None
