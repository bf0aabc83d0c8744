"""Watched tables, end to end: files come in, batches are judged once, people decide."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from kintsu.core.errors import InputError, UnknownRun, UsageError
from kintsu.core.hashing import text_hash
from kintsu.io.store.history import open_history
from kintsu.monitor.facts import facts
from kintsu.monitor.measure import measure
from kintsu.monitor.packing import pack, unpack
from kintsu.run import watching
from kintsu.run.batches import MonitorSettings, arrivals, period

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FIRST = date(2026, 1, 5)


def frame(day, rows=200):
    rng = np.random.default_rng(day)
    return pl.DataFrame(
        {
            "price": rng.lognormal(3, 0.5, rows).round(2),
            "status": rng.choice(["paid", "open", "void"], rows, p=[0.8, 0.15, 0.05]),
            "email": [f"u{k}@example.org" for k in rng.integers(0, 900, rows)],
        }
    )


def deliver(folder, day, change=None):
    path = folder / f"orders-{FIRST + timedelta(days=day)}.csv"
    made = frame(day)
    (made if change is None else made.with_columns(change)).write_csv(path)
    return path.name


@pytest.fixture
def home(store_place):
    return store_place


@pytest.fixture
def orders(tmp_path):
    folder = tmp_path / "orders"
    folder.mkdir()
    for day in range(20):
        deliver(folder, day)
    return folder


EMPTY = pl.when(pl.int_range(pl.len()) % 4 == 0).then(None).otherwise("email").alias("email")


def test_a_bad_batch_is_held_until_somebody_decides(orders, home):
    watching.add("orders", MonitorSettings(str(orders / "*.csv")), home=home)
    past = watching.backfill("orders", home=home, now=NOW)
    assert len(past) == 20 and not any(each.alarm for each in past)
    bad, good = deliver(orders, 20, EMPTY), deliver(orders, 21)
    judged = watching.run(home=home, now=NOW)
    assert [(each.batch, each.alarm, each.state) for each in judged] == [(bad, True, "held"), (good, False, "learnt")]
    assert (judged[0].judgement.issue, judged[0].judgement.columns[0]) == ("missing", "email")
    assert watching.run(home=home, now=NOW) == []  # each batch is judged once
    (told,) = watching.status(home=home)
    assert told.waiting == (bad,) and told.n_batches == 22 and told.precision is None

    watching.decide("orders", bad, is_right=False, by="ann", home=home)
    (told,) = watching.status(home=home)
    assert told.waiting == () and told.precision == 1.0 and told.false_alarm_rate == 0.0
    watching.decide("orders", bad, is_right=True, by="ann", home=home)
    (told,) = watching.status(home=home)
    assert told.precision == 0.0 and told.false_alarm_rate == pytest.approx(1 / 22)
    deliver(orders, 22, EMPTY)
    assert not watching.run(["orders"], home=home, now=NOW)[0].alarm  # the accepted one has taught it


def test_the_course_of_a_fact_is_kept(orders, home):
    watching.add("orders", MonitorSettings(str(orders)), home=home)
    watching.backfill("orders", home=home, now=NOW)
    course = watching.trend("orders", ["completeness:email", "mean:price"], home=home)
    assert course.height == 20 and course["completeness:email"].to_list() == [1.0] * 20
    assert course["mean:price"].to_list() == pytest.approx([frame(day)["price"].mean() for day in range(20)], rel=1e-6)
    assert watching.trend("orders", [], days=5, home=home).height == 5


def test_a_batch_that_has_changed_is_judged_again_against_what_came_before_it(orders, tmp_path):
    home = tmp_path / "store"
    watching.add("orders", MonitorSettings(str(orders)), home=home)
    watching.backfill("orders", home=home, now=NOW)
    name = deliver(orders, 15, EMPTY)
    (again,) = watching.run(home=home, now=NOW)
    assert (again.batch, again.state) == (name, "held") and again.judgement.n_batches == 15
    assert watching.status(home=home)[0].n_batches == 20


def test_a_lasting_change_in_the_past_is_the_new_normal(tmp_path):
    folder, home = tmp_path / "orders", tmp_path / "store"
    folder.mkdir()
    for day in range(30):
        deliver(folder, day, None if day < 15 else pl.col("price") * 3)
    watching.add("orders", MonitorSettings(str(folder)), home=home)
    past = watching.backfill("orders", home=home, now=NOW)
    assert [each.state for each in past[15:17]] == ["held", "held"]  # when they came nobody could know
    assert watching.status(home=home)[0].waiting == () and not past[-1].alarm


def test_a_table_is_cut_into_its_periods_and_the_last_one_waits_until_it_is_over(tmp_path):
    days = [datetime(2026, 1, 5) + timedelta(days=day) for day in range(12)]
    whole = pl.concat([frame(i, 50).with_columns(at=pl.lit(day)) for i, day in enumerate(days)])
    path = tmp_path / "orders.parquet"
    whole.write_parquet(path)
    settings = MonitorSettings(str(path), date="at")
    found = arrivals(settings, now=datetime(2026, 1, 16, 12, tzinfo=UTC))
    assert len(found) == 11 and found[0].due == datetime(2026, 1, 6, tzinfo=UTC)
    assert found[3].load().height == 50 and found[0].name == "2026-01-05T00:00:00"
    assert found[0].content != found[1].content
    assert len(arrivals(MonitorSettings(str(path), date="at", every="1w"), now=datetime(2026, 1, 16, tzinfo=UTC))) == 2


def test_what_cannot_be_read_is_an_alarm_and_the_others_are_judged(orders, tmp_path):
    home = tmp_path / "store"
    watching.add("orders", MonitorSettings(str(orders / "*.parquet")), home=home)
    watching.add("others", MonitorSettings(str(orders / "*.csv")), home=home)
    for day in range(3):
        frame(day).write_parquet(orders / f"orders-2026-02-0{day + 1}.parquet")
    (orders / "orders-2026-02-09.parquet").write_bytes(b"PAR1 no")
    judged = watching.run(home=home, now=NOW)
    broken = [each for each in judged if each.error]
    assert [each.batch for each in broken] == ["orders-2026-02-09.parquet"] and len(judged) == 24
    assert watching.run(["orders"], home=home, now=NOW)[0].error  # it is tried again


def test_settings_that_make_no_sense_are_refused(tmp_path):
    home = tmp_path / "store"
    with pytest.raises(UsageError, match="1h, 1d or 1w"):
        MonitorSettings("x", every="1 month")
    with pytest.raises(UsageError, match="at least 2"):
        MonitorSettings("x", window=1)
    with pytest.raises(UsageError, match="above 0"):
        MonitorSettings("x", sensitivity=0)
    with pytest.raises(UnknownRun):
        watching.run(home=home)
    watching.add("nothing", MonitorSettings(str(tmp_path / "none-*.csv")), home=home)
    with pytest.raises(InputError, match="no file matches"):
        watching.run(["nothing"], home=home)
    with pytest.raises(UsageError, match="needs a name"):
        watching.add(" ", MonitorSettings("x"), home=home)
    (tmp_path / "a.csv").write_text("x\n1\n2\n")
    with pytest.raises(InputError, match="no column 'at'"):
        arrivals(MonitorSettings(str(tmp_path / "a.csv"), date="at"), now=NOW)
    with pytest.raises(InputError, match="holds no dates"):
        arrivals(MonitorSettings(str(tmp_path / "a.csv"), date="x"), now=NOW)


@pytest.mark.parametrize(
    ("name", "due"),
    [
        ("orders-2026-11-20.csv", datetime(2026, 11, 21, tzinfo=UTC)),
        ("orders_20261120T06.json", datetime(2026, 11, 21, 6, tzinfo=UTC)),
        ("2026.11.20.csv", datetime(2026, 11, 21, tzinfo=UTC)),
        ("part-99999999-2026-11-20.csv", datetime(2026, 11, 21, tzinfo=UTC)),
        ("orders-latest.csv", None),
    ],
)
def test_the_due_time_is_read_from_the_name(tmp_path, name, due):
    (tmp_path / name).write_text("x\n1\n")
    (found,) = arrivals(MonitorSettings(str(tmp_path)), now=NOW)
    assert found.due == due and found.arrived is not None


def test_periods_have_units():
    assert period("6h") == timedelta(hours=6) and period("2w") == timedelta(weeks=2)


def test_ugly_files_are_batches_too(tmp_path):
    folder, home = tmp_path / "in", tmp_path / "store"
    folder.mkdir()
    for day in range(12):
        deliver(folder, day)
    watching.add("orders", MonitorSettings(str(folder)), home=home)
    watching.backfill("orders", home=home, now=NOW)
    ugly = {
        "none": b"",
        "header": b"price,status,email\n",
        "one": b"price,status,email\n1,paid,a@b.c\n",
        "twice": b"price,price,email\n1,2,a@b.c\n1e308,3,\n",
        "bytes": b"price,status,email\n1,paid,\xff\xfe\n",
        "null": b"price,status,email\n" + b",,\n" * 20,
    }
    for i, (name, text) in enumerate(ugly.items()):
        (folder / f"{name}-2026-02-{i + 1:02}.csv").write_bytes(text)
    pl.DataFrame({f"c{i}": range(20) for i in range(1000)}).write_csv(folder / "wide-2026-02-20.csv")
    judged = {each.batch.split("-")[0]: each for each in watching.run(home=home, now=NOW)}
    assert list(judged) == [*ugly, "wide"] and all(each.alarm for each in judged.values())
    assert judged["none"].error and judged["header"].judgement.issue == "volume"
    assert judged["wide"].judgement.issue == "schema"


def test_two_batches_of_one_moment_and_a_clock_that_ran_backwards(orders, tmp_path):
    home = tmp_path / "store"
    watching.add("orders", MonitorSettings(str(orders)), home=home)
    watching.backfill("orders", home=home, now=NOW)
    frame(50).write_csv(orders / f"again-{FIRST + timedelta(days=10)}.csv")
    frame(51).write_csv(orders / "early-2020-01-01.csv")
    judged = watching.run(home=home, now=NOW)
    assert [each.batch[:5] for each in judged] == ["early", "again"]
    assert judged[0].judgement.state == "learning" and judged[1].judgement.n_batches == 11 and not judged[1].alarm


def test_dates_that_a_database_keeps_as_text_cut_it_into_periods(tmp_path):
    import sqlite3

    with sqlite3.connect(tmp_path / "s.db") as connection:
        connection.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, at TEXT, v REAL)")
        rows = [(f"2026-01-{day + 1:02} 0{hour}:00:00", day + hour) for day in range(12) for hour in range(9)]
        connection.executemany("INSERT INTO events (at, v) VALUES (?, ?)", rows)
    connection.close()
    settings = MonitorSettings(str(tmp_path / "s.db"), date="at", read={"table": "events"})
    found = arrivals(settings, now=NOW)
    assert len(found) == 12 and found[0].load().height == 9


def test_sketches_from_before_there_was_a_salt_are_salted_and_still_known(orders, home):
    settings = MonitorSettings(str(orders / "*.csv"), sensitive=("status",))
    history = open_history(home, create=True)
    table = history.watch("orders", settings.to_dict())
    for each in arrivals(settings, now=NOW):  # as an earlier version kept them
        metrics = measure(each.load(), due=each.due, sensitive=settings.sensitive)
        history.record(table, watching.BatchRow(each.name, each.at, metrics.rows, facts(metrics), sketch=pack(metrics)))
    plain = {f"{text_hash(value):016x}" for value in ("paid", "open", "void")}
    assert plain <= {value[1:] for value in unpack(history.sketches(table, 1)[0]).columns["status"].values}
    deliver(orders, 20)
    deliver(
        orders, 21, pl.when(pl.int_range(pl.len()) % 4 == 0).then(pl.lit("lost")).otherwise("status").alias("status")
    )
    usual, new = watching.run(home=home, now=NOW)[-2:]
    assert not usual.alarm and new.alarm and new.judgement.causes[0].statistic in ("fresh", "distance", "top")
    kept = [unpack(body) for body in history.sketches(table, 99)]
    values = {value for batch in kept for value in batch.columns["status"].values}
    assert len(values) == 3 and all(value.startswith("~") and value[1:] not in plain for value in values)
    history.engine.dispose()


def test_a_column_that_becomes_sensitive_is_hidden_in_what_is_kept(orders, home):
    watching.add("orders", MonitorSettings(str(orders)), home=home)
    watching.backfill("orders", home=home, now=NOW)
    hidden = MonitorSettings(str(orders), sensitive=("email",))
    table = watching.add("orders", hidden, home=home, replace=True)
    history = open_history(home)
    kept = [unpack(body) for body in history.sketches(table, 99)]
    assert len(kept) == 20 and not any("@" in value for batch in kept for value in batch.columns["email"].values)
    assert any("paid" in batch.columns["status"].values for batch in kept)
    deliver(orders, 20)
    assert not watching.run(home=home, now=NOW)[0].alarm
    history.engine.dispose()
