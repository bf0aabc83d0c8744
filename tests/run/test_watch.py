"""Mending a stream: every event comes out once, as it came or mended, whatever happens."""

import json
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streaming import COLUMNS, MadeUp, event

from kintsu.core.errors import OutputError
from kintsu.core.events import CHANGES, HEALED, QUARANTINE, WHY, Event
from kintsu.io.json_events import JsonEvents
from kintsu.io.queues import MemorySink, QueueSource
from kintsu.io.store.events import Events
from kintsu.io.store.history import History
from kintsu.io.store.streams import StreamStore
from kintsu.run.retention import prune
from kintsu.run.watch_alerts import FieldJudge, StreamJudge
from kintsu.run.watch_flow import Flow, Pace
from kintsu.run.watch_mend import mend_cells, mend_events

EVENTS = JsonEvents()
BAD = [b"{broken", b"[1]", event(3, id=None), event(4, city="boom"), b"\xff", b'{"id": "1", "city": "\\ud83d"}']


def flow(folder, values, pace=None, judge=None, treatment=None, sink=None, **more):
    """A worker on events that wait already."""
    source = QueueSource("orders", "first", capacity=1_000_000)
    source.push(values)
    store = StreamStore(History(folder))
    pace = pace or Pace(wait_s=0.01, until_idle_s=0.0)
    return Flow(
        "t/orders",
        source,
        sink or MemorySink(),
        treatment or MadeUp(),
        EVENTS,
        store,
        judge or StreamJudge(),
        pace,
        **more,
    )


def ran(*arguments, **options):
    worker = flow(*arguments, **options)
    worker.run()
    return worker


def header(output, name):
    return dict(output.headers).get(name, b"").decode()


def alerts(worker, stage="detect"):
    records = [json.loads(record) for channel, record in worker.sink.told if channel == "alerts"]
    return [record for record in records if record["stage"] == stage]


def test_an_event_without_a_change_goes_on_byte_for_byte(tmp_path):
    values = [b' {"id":"1", "city" : "Nice","new": [1.50]} ', event(0), None]
    worker = ran(tmp_path, values)
    assert [output.value for output in worker.sink.outputs.values()] == values
    assert all(output.to == HEALED and not header(output, CHANGES) for output in worker.sink.outputs.values())


def test_a_change_touches_its_field_alone_and_is_told(tmp_path):
    worker = ran(tmp_path, [event(0), event(1), b'{"id":"7" ,"city":"Pari", "amount": "1.50 EUR","x":1.50}'])
    output = worker.sink.outputs["orders/0/2"]
    assert output.value == b'{"id":"7" ,"city":"Paris", "amount": 1.50,"x":1.50}'
    assert json.loads(header(output, CHANGES)) == [
        {"column": "city", "old": "Pari", "new": "Paris", "recipe": "r-city", "confidence": 0.99},
        {"column": "amount", "old": "1.50 EUR", "new": "1.50", "recipe": "r-amount", "confidence": 0.99},
    ]


@pytest.mark.parametrize("batch", [1, 3, 1000])
def test_what_cannot_be_read_or_mended_is_put_aside_as_it_came(tmp_path, batch):
    values = [event(0), *BAD, event(13)]
    worker = ran(tmp_path, values, Pace(batch, 0.01, until_idle_s=0.0))
    outputs = worker.sink.outputs
    assert len(outputs) == len(values)
    aside = {key: output for key, output in outputs.items() if output.to == QUARANTINE}
    assert [output.value for output in aside.values()] == BAD
    why = [header(output, WHY) for output in aside.values()]
    assert why[0].startswith("not JSON") and why[1].startswith("not an object") and why[2] == "no id"
    assert why[3] == "mending failed: RuntimeError" and why[4].startswith("not UTF-8")
    assert why[5].startswith("half a character")
    assert (worker.total.passed, worker.total.healed, worker.total.quarantined) == (1, 1, 6)


def test_a_treatment_that_always_fails_loses_nothing(tmp_path):
    class Broken(MadeUp):
        def mend(self, batch):
            raise ValueError("no")

    worker = ran(tmp_path, [event(n) for n in range(3000)], treatment=Broken())
    assert {output.to for output in worker.sink.outputs.values()} == {QUARANTINE} and len(worker.sink.outputs) == 3000


def test_micro_batches_of_any_size_give_the_same(tmp_path):
    values = [event(n) for n in range(210)]
    random.Random(1).shuffle(values)
    told = []
    for batch in (1, 7, 64, 210):
        outputs = ran(tmp_path / str(batch), values, Pace(batch, 0.0, until_idle_s=0.0)).sink.outputs.values()
        told.append([(output.event.id, header(output, CHANGES), json.loads(output.value)) for output in outputs])
    assert all(each == told[0] for each in told) and sum(bool(changes) for _, changes, _ in told[0]) == 24


def test_the_store_counts_what_came_through(tmp_path):
    worker = ran(tmp_path, [event(n) for n in range(1000)] + BAD, Pace(100, 0.0, until_idle_s=0.0))
    windows = worker.store.windows(worker.store.names()["t/orders"])
    assert sum(window.tally.events for window in windows) == 1000 + len(BAD)
    assert sum(window.tally.healed for window in windows) == 110
    assert sum(window.tally.columns["amount"].changed for window in windows) == 10
    assert windows[0].examples[0]["old"] == "Pari"


DYING = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from test_watch import Pace, flow, shifting
from kintsu.io.queues import MemorySink

class Dying(MemorySink):
    def tell(self, channel, key, record):
        if channel == "alerts":
            os.kill(os.getpid(), signal.SIGKILL)

flow(sys.argv[2], shifting(), Pace(500, 0.0, until_idle_s=0.0), sink=Dying()).run()
"""


def shifting():
    """Events whose email is gone from the 6,000th on."""
    return [event(n) for n in range(6000)] + [event(n, email=None) for n in range(1000)]


def test_an_alert_whose_worker_dies_before_it_is_sent_is_sent_by_the_next_one(tmp_path, monkeypatch):
    command = [sys.executable, "-c", DYING, str(Path(__file__).parent), str(tmp_path)]
    assert subprocess.run(command, timeout=120).returncode == -signal.SIGKILL
    early = ran(tmp_path, [event(0)])
    assert alerts(early) == []  # the worker may still be at it
    monkeypatch.setattr("kintsu.run.watch_flow.PATIENCE", timedelta(0))
    told = alerts(ran(tmp_path, []))
    assert ("null_flood", "email") in {(each["kind"], each["column"]) for each in told}
    kept = [each for each in early.store.alerts(early.store.names()["t/orders"]) if each["stage"] == "detect"]
    assert sorted(map(str, kept)) == sorted(map(str, told))
    assert alerts(ran(tmp_path, [event(0)])) == []  # once


def test_what_has_arrived_is_not_sent_again(tmp_path, monkeypatch):
    monkeypatch.setattr("kintsu.run.watch_flow.PATIENCE", timedelta(0))
    monkeypatch.setattr("kintsu.run.watch_flow.LOOK_S", 0.0)
    first = ran(tmp_path, shifting(), Pace(500, 0.0, until_idle_s=0.0))
    stages_told = [record["id"] for record in alerts(first, "detect") + alerts(first, "validate")]
    assert stages_told and len(stages_told) == len(set(stages_told))
    assert first.store.unsent(first.store.names()["t/orders"], datetime.now(UTC), timedelta(0)) == []


def test_what_waits_is_told_with_what_was_counted(tmp_path):
    told = []
    pace = Pace(100, 0.0, until_idle_s=0.0)
    worker = ran(tmp_path, [event(n) for n in range(250)], pace, progress=lambda tally, lag: told.append(lag))
    assert told == [150, 50, 0] and worker.lag == 0
    (line,) = worker.store.page(limit=9)
    assert [(part.place, part.reach, part.lag) for part in line.parts] == [(250, 250, 0)]
    metrics = [json.loads(record) for channel, record in worker.sink.told if channel == "metrics"]
    assert metrics[-1]["lag"] == 0


def test_what_waits_is_told_while_the_sink_hangs(tmp_path, monkeypatch):
    class Hanging(MemorySink):
        n = 0

        def settled(self, wait_s):
            self.n += 1
            return self.n > 3

    monkeypatch.setattr("kintsu.run.watch_flow.LOOK_S", 0.0)
    told = []
    values = [event(n) for n in range(30)]
    ran(
        tmp_path,
        values,
        Pace(10, 0.0, until_idle_s=0.0),
        sink=Hanging(),
        progress=lambda tally, lag: told.append((tally.events, lag)),
    )
    assert told[0] == (0, 30) and told[-1] == (30, 0)


def test_old_windows_are_forgotten_with_the_history(tmp_path):
    worker = ran(tmp_path, [event(n) for n in range(10)])
    later = datetime.now(UTC) + timedelta(days=40)
    assert prune(keep_days=50, home=tmp_path, now=later).windows == 0
    assert prune(keep_days=30, home=tmp_path, now=later).windows == 1
    assert worker.store.windows(1) == [] and len(worker.store.marks(1)) == 1


def test_values_of_sensitive_columns_are_not_kept(tmp_path):
    worker = ran(tmp_path, [event(3)], hidden=("city",))
    (window,) = worker.store.windows(1)
    assert window.examples[0]["column"] == "city" and window.examples[0]["old"] is None


def test_what_comes_again_after_a_crash_is_counted_once(tmp_path):
    values = [event(n) for n in range(100)]
    first = flow(tmp_path, values, Pace(30, 0.0, max_events=60))
    first.source.commit = lambda positions, wait=False: None  # killed before that
    first.run()
    again = ran(tmp_path, values, Pace(50, 0.0, until_idle_s=0.0))
    assert first.total.events == 60 and again.total.events == 40 and len(again.sink.outputs) == 100
    anew = flow(tmp_path, values)
    anew.source.run = "second"  # a queue that begins at 0 once more
    anew.run()
    assert anew.total.events == 100


def test_nothing_is_committed_before_it_has_arrived(tmp_path):
    class Slow(MemorySink):
        n_left = 5

        def settled(self, wait_s):
            self.n_left -= 1
            if self.n_left == 2:
                assert worker.source._done == 0 and worker.total.events == 0
            return self.n_left <= 0

    worker = flow(tmp_path, [event(n) for n in range(10)], Pace(5, 0.0, max_events=10), sink=Slow())
    worker.run()
    assert worker.source._done == 10 and worker.total.events == 10


def test_a_micro_batch_of_which_too_much_would_change_is_held_as_a_whole(tmp_path):
    values = [event(n) for n in range(600)] + [event(n, city="Pari", amount="1 EUR") for n in range(600)]
    worker = ran(tmp_path, values, Pace(600, 0.0, until_idle_s=0.0, breaker=0.4))
    outputs = list(worker.sink.outputs.values())
    assert {output.to for output in outputs[600:]} == {QUARANTINE} and worker.total.held == 600
    assert [output.value for output in outputs[600:]] == values[600:]
    assert "50 % of all cells would change" in header(outputs[-1], WHY)
    assert {output.to for output in outputs[:600]} == {HEALED}


def judge(n=5000, treatment=None, event=event):
    treatment = treatment or MadeUp()
    cells = EVENTS.decode([event(n) for n in range(n)], treatment.columns).cells
    made = StreamJudge()
    made.learn(cells, mend_cells(treatment, cells).outcome)
    return made


def test_a_null_flood_and_a_type_break_are_told_once_with_their_stages(tmp_path):
    right = [event(n) for n in range(2000)]
    flood = [event(n, email=None) for n in range(1000)]
    broken = [event(n, amount="lots") for n in range(1000)]
    worker = ran(tmp_path, right + flood + broken + right * 6, Pace(500, 0.0, until_idle_s=0.0), judge())
    found = [(alert["kind"], alert["column"], alert["over"]) for alert in alerts(worker)]
    assert found[0] == ("null_flood", "email", False)
    assert {("type_change", "amount", False), ("type_break", "amount", False)} <= set(found)
    assert set(found) >= {("null_flood", "email", True), ("type_break", "amount", True)}
    assert found.count(("null_flood", "email", False)) == 1
    flood = alerts(worker)[0]
    assert flood["first"] == "orders/0/2000" and flood["expected"] < 0.01 and flood["found"] == 1.0
    assert [alerts(worker, stage)[0]["alert"] for stage in ("decide", "remediate", "validate")] == [flood["alert"]] * 3
    assert alerts(worker, "validate")[0]["left"] == 1.0
    ids = [record["id"] for record in worker.store.alerts(1)]
    assert len(ids) == len(set(ids)) and f"{flood['alert']}-detect" in ids


def test_of_several_workers_one_tells_and_a_later_one_tells_its_end(tmp_path):
    def told(values):
        worker = ran(tmp_path, values, Pace(500, 0.0, until_idle_s=0.0), judge())
        return [(each["kind"], each["over"]) for each in alerts(worker)]

    usual, flood = [event(n) for n in range(12_000)], [event(n, email=None) for n in range(1000)]
    assert told(usual[:1000] + flood) == [("null_flood", False)]
    assert told(usual[:1000] + flood) == []
    assert told(usual) == [("null_flood", True)]
    assert told(usual) == []
    assert told(usual[:1000] + flood) == [("null_flood", False)]


def test_a_stream_as_usual_is_quiet(tmp_path):
    worker = ran(tmp_path, [event(n) for n in range(20_000)], Pace(700, 0.0, until_idle_s=0.0), judge())
    assert alerts(worker) == []


def test_without_a_reference_the_first_events_are_learnt(tmp_path):
    values = [event(n) for n in range(6000)] + [event(n, email=None) for n in range(1000)]
    worker = ran(tmp_path, values, Pace(1000, 0.0, until_idle_s=0.0))
    assert [alert["kind"] for alert in alerts(worker)][:1] == ["null_flood"]


def test_what_is_put_aside_suddenly_is_an_alert_and_may_hold_the_stream(tmp_path):
    values = [event(n) for n in range(1000)] + [event(n, id=None) for n in range(500)] + [event(n) for n in range(500)]
    worker = ran(tmp_path, values, Pace(500, 0.0, until_idle_s=0.0, hold=True), judge())
    told = next(alert for alert in alerts(worker) if alert["kind"] == "outcome")
    assert told["column"] is None and told["message"].startswith("100.0 % of events came out as none did before")
    assert worker.total.held == 1000 and "see the alerts" in header(worker.sink.outputs["orders/0/1999"], WHY)


def test_a_rise_of_what_is_put_aside_is_told_in_words_about_events(tmp_path):
    def now_and_then(n):
        return event(n, id=None) if n % 50 == 0 else event(n)

    values = [now_and_then(n) for n in range(1000)] + [event(n, id=None) for n in range(500)]
    worker = ran(tmp_path, values, Pace(500, 0.0, until_idle_s=0.0), judge(event=now_and_then))
    told = next(alert for alert in alerts(worker) if alert["kind"] == "outcome")
    assert told["message"].startswith("100.0 % of events were put aside; 2.0 % was expected")


def test_values_that_come_no_more_are_no_new_values(tmp_path):
    def travelling(n):
        return event(n, city=f"town {n}") if n % 16 == 0 else event(n)

    values = [travelling(n) for n in range(5000, 6000)] + [event(n) for n in range(1, 1501)]
    told = alerts(ran(tmp_path, values, Pace(500, 0.0, until_idle_s=0.0), judge(event=travelling)))
    about_city = [alert["kind"] for alert in told if alert["column"] == "city"]
    assert about_city and set(about_city) == {"distribution"}


@pytest.mark.parametrize("name", ["outcome", "kind of outcome"])
def test_a_field_may_be_called_what_we_watch_beside_the_fields(tmp_path, name):
    def match(n, **more):
        return event(n, **({name: ("won", "lost")[n % 2]} | more))

    treatment = MadeUp((*COLUMNS, name))
    values = [match(n) for n in range(1000)] + [match(n, **{name: None}) for n in range(500)]
    worker = ran(
        tmp_path, values, Pace(500, 0.0, until_idle_s=0.0), judge(treatment=treatment, event=match), treatment=treatment
    )
    assert [(each["kind"], each["column"]) for each in alerts(worker)] == [("null_flood", name)]


def fields(*batches):
    held = FieldJudge(COLUMNS)
    return [
        [
            (t.kind, t.column, t.is_over)
            for t in held.feed(
                mend_events(MadeUp(), EVENTS, [Event("s", 0, n, 0, None, v) for n, v in enumerate(values)])
            )
        ]
        for values in batches
    ]


def test_fields_that_come_go_or_change_their_kind_are_told():
    usual, new = [event(n) for n in range(100)], [event(n, new=1) for n in range(3)]
    less = [json.dumps({k: v for k, v in json.loads(value).items() if k != "email"}).encode() for value in usual]
    text = [event(n, amount="1.5") for n in range(100)]
    told = fields(usual, usual + new, usual, less, usual, text, text)
    assert told == [
        [],
        [("new_field", "new", False)],
        [],
        [("missing_field", "email", False)],
        [("missing_field", "email", True)],
        [("type_change", "amount", False)],
        [],
    ]


def test_names_that_are_made_up_for_each_event_are_not_told_without_end(tmp_path):
    values = [event(0)] * 20 + [event(n, **{f"k{n}": 1}) for n in range(20, 6000)]
    told = fields(*(values[at : at + 20] for at in range(0, len(values), 20)))
    assert max(map(len, told)) <= 20 and sum(map(len, told)) <= 1000
    worker = ran(tmp_path, values, Pace(20, 0.0, until_idle_s=0.0, max_events=200))
    assert set(dict(worker._kinds)) <= {(name, kind) for name in COLUMNS for kind in ("number", "string")}


def test_who_is_given_no_part_of_a_topic_ends_when_idle(tmp_path, monkeypatch):
    class Waiting(QueueSource):
        """As a worker more than the topic has partitions."""

        is_ready = False

    monkeypatch.setattr("kintsu.run.watch_flow.SHARE_S", 0.3)
    worker, began = flow(tmp_path, [], Pace(10, 0.0, until_idle_s=0.1)), time.monotonic()
    worker.source = Waiting("orders", "first")
    worker.run()
    assert time.monotonic() - began >= 0.3 and worker.total.events == 0


def test_what_had_not_arrived_when_it_was_told_to_stop_is_counted_or_comes_again(tmp_path, monkeypatch):
    monkeypatch.setattr("kintsu.run.watch_flow.LEAVE_S", 0.05)
    stop = threading.Event()

    class Hanging(MemorySink):
        """Takes no more at the second micro-batch, as a broker that hangs, and is back when the worker leaves."""

        def settled(self, wait_s):
            if len(self.outputs) == 10 and not stop.is_set():
                stop.set()
                self.until = time.monotonic() + 0.1
            return time.monotonic() >= self.until

    worker = flow(tmp_path, [event(n) for n in range(30)], Pace(10, 0.0), sink=Hanging(), stop=stop)
    worker.run()
    marks = worker.store.marks(worker.store.names()["t/orders"])
    assert worker.total.events == sum(marks.values())  # what is not counted is not marked, and comes again
    assert worker.total.events in (0, 10)


def test_a_full_queue_refuses_all_or_nothing():
    source = QueueSource("q", "1", capacity=3)
    assert source.push([b"1", b"2"]) == 2
    with pytest.raises(OutputError, match="2 events wait already"):
        source.push([b"3", b"4"])
    assert not source.wait(2, 0.0)
    assert [e.value for e in source.poll(9, 0.0)] == [b"1", b"2"]
    source.commit({("q", 0): 2})
    assert source.wait(2, 0.0)


def test_what_alarms_is_told_to_whoever_listens(tmp_path):
    values = [event(n) for n in range(1000)] + [event(n, email=None) for n in range(500)]
    worker = ran(tmp_path, values, Pace(500, 0.0, until_idle_s=0.0), judge())
    told = [happened.body for happened in Events(History(tmp_path)).since(0) if happened.kind == "alert"]
    (alert,) = alerts(worker)
    assert told == [{name: alert[name] for name in ("alert", "stream", "kind", "column", "over")}]
    assert (told[0]["kind"], told[0]["column"], told[0]["over"]) == ("null_flood", "email", False)
