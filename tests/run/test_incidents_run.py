"""From a bad file to a message that arrived: incidents in both databases, told to a real web server."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from kintsu.core.errors import InputError, UsageError
from kintsu.io.notify.routes import Route, labelled
from kintsu.io.notify.webhook import WebhookNotifier
from kintsu.io.store import schema
from kintsu.io.store.database import writing
from kintsu.io.store.events import Events
from kintsu.io.store.history import open_history
from kintsu.io.store.incidents import IncidentStore
from kintsu.monitor.alerts import AlertPolicy
from kintsu.run import notify, watching
from kintsu.run.batches import MonitorSettings
from kintsu.run.objectives import at_risk, stand
from kintsu.run.retention import prune
from kintsu.run.watch_settings import find_settings

sys.path.insert(0, str(Path(__file__).parents[1] / "io" / "notify"))

from places import free_port, web_server

from kintsu.io.notify.post import Target

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
FIRST = date(2026, 1, 5)
EMPTY = pl.when(pl.int_range(pl.len()) % 4 == 0).then(None).otherwise("email").alias("email")


def frame(day: int, rows: int = 200) -> pl.DataFrame:
    rng = np.random.default_rng(day)
    return pl.DataFrame(
        {
            "price": rng.lognormal(3, 0.5, rows).round(2),
            "email": [f"u{k}@example.org" for k in rng.integers(0, 900, rows)],
        }
    )


def deliver(folder: Path, day: int, change: pl.Expr | None = None) -> str:
    path = folder / f"orders-{FIRST + timedelta(days=day)}.csv"
    made = frame(day)
    (made if change is None else made.with_columns(change)).write_csv(path)
    return path.name


@pytest.fixture
def home(store_place):
    return store_place


@pytest.fixture
def orders(tmp_path, home) -> Path:
    """Twenty files that were learnt from."""
    folder = tmp_path / "orders"
    folder.mkdir()
    for day in range(20):
        deliver(folder, day)
    watching.add("orders", MonitorSettings(str(folder / "*.csv")), home=home)
    watching.backfill("orders", home=home, now=NOW)
    return folder


def hook(url: str) -> Route:
    return Route(WebhookNotifier(Target(url, allow_private=True, retries=0, timeout_s=5.0)))


def test_trouble_is_one_incident_from_its_first_batch_to_its_end(orders, home):
    with web_server() as web:
        kinds, placed = [], []
        for step, change in enumerate([EMPTY, EMPTY, None, None, EMPTY]):
            name = deliver(orders, 20 + step, change)
            (judged,) = watching.run(home=home, now=NOW + step * DAY)
            assert judged.batch == name and judged.alarm == (change is not None)
            placed.append(judged.incident and (judged.incident.relation, judged.incident.incident.n_since))
            told = notify.tell([hook(web.url)], home=home, now=NOW + step * DAY)
            kinds.append([each.notice.kind for each in told.sent])
        assert placed == [("new", 1), ("continues", 2), None, None, ("reopened", 1)]
        assert kinds == [["opened"], ["continued"], [], ["resolved"], ["reopened"]]
        assert [body["kind"] for body in web.bodies] == ["opened", "continued", "resolved", "reopened"]
        assert web.bodies[0]["columns"] == ["email"] and web.bodies[0]["batches"] == ["orders-2026-01-25.csv"]
    (status,) = watching.status(home=home)
    assert [i.state for i in status.incidents] == ["open"] and status.to_dict()["incidents"][0]["issue"] == "missing"
    assert notify.tell(home=home, now=NOW + 4 * DAY) == notify.Telling()


def test_what_could_not_be_sent_is_sent_by_the_next_run(orders, home):
    deliver(orders, 20, EMPTY)
    watching.run(home=home, now=NOW)
    told = notify.tell([hook(f"http://localhost:{free_port()}/")], home=home, now=NOW)
    assert told.sent == () and told.failed[0].failure and told.failed[0].n_tries == 1
    with web_server() as web:
        web.answers = [(500, {}), (200, {})]
        assert notify.tell([hook(web.url)], home=home, now=NOW).failed[0].n_tries == 2
        (arrived,) = notify.tell([hook(web.url)], home=home, now=NOW).sent
        assert arrived.n_tries == 3 and [body["kind"] for body in web.bodies] == ["opened", "opened"]
        assert len({body["id"] for body in web.bodies}) == 1
        assert notify.tell([hook(web.url)], home=home, now=NOW).sent == ()


def test_a_run_that_is_stopped_halfway_loses_no_incident(orders, home):
    for day in (20, 21):
        deliver(orders, day, EMPTY)

    def stop(stage: str, fraction: float) -> None:
        if fraction > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watching.run(home=home, now=NOW, progress=stop)
    (opened,) = notify.incidents(home=home)
    assert opened.batches == ("orders-2026-01-25.csv",)
    (judged,) = watching.run(home=home, now=NOW)
    assert judged.incident.relation == "continues" and judged.incident.incident.id == opened.id


def test_a_backfill_opens_none(orders, home):
    deliver(orders, 20, EMPTY)
    assert watching.backfill("orders", home=home, now=NOW)[0].alarm
    assert notify.incidents(home=home, with_ended=True) == ()


def test_to_accept_a_batch_takes_it_out_of_its_incident(orders, home):
    first, second = (deliver(orders, day, EMPTY) for day in (20, 21))
    watching.run(home=home, now=NOW)
    less = watching.decide("orders", first, is_right=True, by="ann", home=home, now=NOW).incident
    assert less.state == "open" and less.batches == (second,)
    assert watching.decide("orders", second, is_right=False, by="ann", home=home).incident is None
    over = watching.decide("orders", second, is_right=True, by="ann", home=home, now=NOW).incident
    assert over.state == "resolved" and notify.incidents(home=home) == ()
    assert watching.decide("orders", second, is_right=True, by="ann", home=home).incident is None


def test_people_tend_incidents(orders, home):
    deliver(orders, 20, EMPTY)
    watching.run(home=home, now=NOW)
    (opened,) = notify.incidents(["orders"], home=home)
    assert notify.acknowledge_incident(opened.id, by="ann", home=home, now=NOW).state == "acknowledged"
    with web_server() as web:
        assert notify.tell([hook(web.url)], AlertPolicy(), home=home, now=NOW).sent[0].notice.kind == "opened"
        assert notify.tell([hook(web.url)], home=home, now=NOW + 9 * DAY).sent == ()  # it does not escalate
        over = notify.resolve_incident(f"#{opened.id}", by="bob", home=home, now=NOW + 9 * DAY)
        assert (over.state, over.by) == ("resolved", "bob")
        assert notify.tell([hook(web.url)], home=home, now=NOW + 9 * DAY).sent[0].notice.kind == "resolved"
    told = [each.body for each in Events(open_history(home)).since(0) if each.kind == "incident"]
    assert [(each["table"], each["columns"]) for each in told] == [("orders", ["email"])] * 3
    assert [each["state"] for each in told] == ["open", "acknowledged", "resolved"]  # heard by who listens
    with pytest.raises(UsageError, match="no open incident"):
        notify.resolve_incident(opened.id, by="bob", home=home)
    assert notify.incidents(home=home) == () and len(notify.incidents(home=home, with_ended=True)) == 1
    with pytest.raises(UsageError, match="no table 'order' is watched"):
        notify.incidents(["order"], home=home)


def test_what_cannot_be_read_is_an_incident_too(orders, home, tmp_path):
    broken = orders / "orders-2026-02-20.csv"
    broken.write_bytes(b"")
    watching.add("gone", MonitorSettings(str(tmp_path / "gone" / "*.csv")), home=home)
    first = {each.table: each for each in watching.run(home=home, now=NOW)}
    assert {each.incident.relation for each in first.values()} == {"new"} and len(first) == 2
    again = watching.run(home=home, now=NOW)
    assert {each.incident.message.split()[0] for each in again} == {"continues"}
    later = {each.table: each.incident.incident for each in watching.run(home=home, now=NOW + DAY)}
    assert later["orders"].n_alerts == 1  # the same batch, tried again
    assert later["gone"].n_alerts == 2 and later["gone"].batches[-1] == "source on 2026-03-02"  # another day without
    assert {i.issue for i in notify.incidents(home=home)} == {"unreadable"}
    assert first["orders"].to_dict()["incident"]["relation"] == "new"
    with pytest.raises(InputError, match="no file matches"):
        watching.run(["gone"], home=home, now=NOW)
    for path in orders.iterdir():
        path.unlink()
    (away,) = watching.run(["orders"], home=home, now=NOW + 2 * DAY)  # it had batches: that there is no file is news
    assert away.alarm and away.batch == "" and "no file matches" in away.error


def test_a_test_notice_goes_over_every_route():
    with web_server() as web:
        routes = [hook(web.url), hook(f"http://localhost:{free_port()}/"), hook(f"{web.url}/2")]
        assert list(labelled(routes)) == ["webhook", "webhook 2", "webhook 3"]
        tried = notify.try_routes(routes)
        assert [bool(why) for why in tried.values()] == [False, True, False]
        assert [path for path, _, _ in web.got] == ["/", "/2"] and "a test of kintsu" in web.bodies[0]["title"]
    with pytest.raises(UsageError, match="nowhere to send to"):
        notify.try_routes([])


def test_objectives_stand_as_the_stored_history_says(orders, home, tmp_path):
    deliver(orders, 20, EMPTY)
    watching.run(home=home, now=NOW)
    path = tmp_path / "mine.yaml"
    lines = ["completeness of email >= .98", "rows >= 100, 90 % of batches over 366 days"]
    path.write_text("objectives:\n  orders:\n" + "".join(f"    - {line}\n" for line in lines) + "  else: [rows > 1]\n")
    settings, now = find_settings(path), datetime(2026, 1, 27, tzinfo=UTC)
    broken, kept = stand(settings, home=home, now=now)
    assert broken.attained.state == "breached" and broken.attained.n_missed == 1
    assert kept.attained.state == "ok" and kept.attained.n_counted == 21 and kept.to_dict()["table"] == "orders"
    assert at_risk(settings, home=home, now=now) == [broken]
    with pytest.raises(UsageError, match="did you mean 'orders'"):
        stand(settings, ["order"], home=home)
    with pytest.raises(UsageError, match="no table 'else' is watched"):
        stand(settings, ["else"], home=home)


def test_without_settings_there_are_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    empty = find_settings()
    assert empty.objectives() == {} and empty.routes({}) == () and empty.policy() == AlertPolicy()
    watching.add("orders", MonitorSettings("x"), home=tmp_path)
    assert at_risk(empty, home=tmp_path) == []
    with pytest.raises(UsageError, match="no objectives of a watched table"):
        stand(empty, home=tmp_path)
    (tmp_path / "kintsu.yaml").write_text("alerts: {level: page}")
    assert find_settings().policy().level == "page"
    (tmp_path / "kintsu.yaml").write_text("alerts: {levels: {unreadable: page}}")
    assert find_settings().policy().levels == {"unreadable": "page"}


def test_pruned_batches_are_not_judged_again(tmp_path):
    folder, home = tmp_path / "orders", tmp_path / "store"
    folder.mkdir()
    for day in range(100):
        frame(day, 20).write_csv(folder / f"orders-{FIRST + timedelta(days=day)}.csv")
    watching.add("orders", MonitorSettings(str(folder), window=10), home=home)
    now = datetime(2026, 4, 16, tzinfo=UTC)
    watching.backfill("orders", home=home, now=now)
    before = watching.trend("orders", [], home=home).height
    gone = prune(keep_days=20, home=home, now=now)
    assert gone.months == 2 and gone.to_dict() == {"months": 2, "incidents": 0, "windows": 0}
    assert 0 < watching.trend("orders", [], home=home).height < before
    assert watching.run(home=home, now=now) == []


def test_many_runs_at_once_open_one_incident(orders, home):
    """Two processes that find the same bad batch."""
    from concurrent.futures import ThreadPoolExecutor

    deliver(orders, 20, EMPTY)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: watching.run(home=home, now=NOW), range(3)))
    assert any(each for each in found)
    (only,) = IncidentStore(open_history(home)).incidents(with_ended=True)
    assert only.n_alerts == 1
    with web_server() as web, ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: notify.tell([hook(web.url)], home=home, now=NOW), range(3)))
        assert len(web.got) == 1


KILLED = """
import os, sys
from datetime import datetime
from kintsu.run import watching

def die(stage, fraction):
    if fraction > 0:
        os._exit(9)

watching.run(home=sys.argv[1], now=datetime.fromisoformat(sys.argv[2]), progress=die)
"""


def killed_run(home) -> None:
    """A run that is killed when it has recorded one batch, and not come to its incident."""
    command = [sys.executable, "-c", KILLED, str(home), NOW.isoformat()]
    assert subprocess.run(command, check=False, timeout=120).returncode == 9


def test_an_alarm_whose_run_was_killed_is_followed_up_by_the_next(orders, home):
    first = deliver(orders, 20, EMPTY)
    second = deliver(orders, 21)
    killed_run(home)
    assert notify.incidents(home=home) == ()
    assert watching.status(home=home)[0].waiting == (first,)
    lost, fresh = watching.run(home=home, now=NOW + DAY)
    assert (lost.batch, lost.alarm, lost.state, lost.incident.relation) == (first, True, "held", "new")
    assert (fresh.batch, fresh.alarm) == (second, False)
    (opened,) = notify.incidents(home=home)
    assert (opened.batches, opened.columns, opened.issue, opened.good) == ((first,), ("email",), "missing", (second,))
    assert watching.run(home=home, now=NOW + DAY) == []
    history = open_history(home)
    row = history.batch(history.watched("orders"), first)
    with writing(history.engine) as connection:  # killed once more, between the incident and the mark
        connection.execute(schema.unfollowed.insert().values(batch=row.id))
    (again,) = watching.run(home=home, now=NOW + DAY)
    assert (again.incident.relation, again.incident.incident.id) == ("continues", opened.id)
    assert notify.incidents(home=home)[0].n_alerts == 1 and watching.run(home=home, now=NOW + DAY) == []
    history.engine.dispose()


def test_what_a_killed_run_left_is_not_followed_up_if_it_was_right_or_came_again(orders, home):
    right = deliver(orders, 20, EMPTY)
    deliver(orders, 21)
    killed_run(home)
    watching.decide("orders", right, is_right=True, by="ann", home=home)
    (fresh,) = watching.run(home=home, now=NOW)
    assert not fresh.alarm and notify.incidents(home=home) == ()
    deliver(orders, 22, pl.lit("?").alias("email"))
    deliver(orders, 23)
    killed_run(home)
    mended = deliver(orders, 22)
    judged = watching.run(home=home, now=NOW)
    assert (judged[0].batch, judged[0].alarm) == (mended, False)
    assert notify.incidents(home=home) == () and open_history(home).unfollowed() == {}


def test_alarms_of_a_backfill_are_followed_up_by_nobody(orders, home):
    deliver(orders, 20, EMPTY)
    (judged,) = watching.backfill("orders", home=home, now=NOW)
    assert judged.alarm and watching.run(home=home, now=NOW) == [] and notify.incidents(home=home) == ()
