"""Nothing is lost and nothing is counted twice, whatever dies: workers, connections, and a broker that hangs."""

import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from cutting import proxy
from streaming import MadeUp, event

from kintsu.core.batch import Batch
from kintsu.io.json_events import JsonEvents
from kintsu.io.store.history import History
from kintsu.io.store.streams import StreamStore

RATE = 2_000  # events a second
PARTS = 4
HANG_S = (0.5, 2.5)


class Faults:
    """Kills workers, stops the broker for a while and cuts connections, in random order, each at least once."""

    def __init__(self, kafka, between, start):
        self.kafka, self.between, self.start = kafka, between, start
        self.workers = [start() for _ in range(2)]
        self.done = Counter()

    def kill(self, chance):
        at = chance.randrange(2)
        self.workers[at].kill()
        self.workers[at].wait()
        self.workers[at] = self.start()

    def hang(self, chance):
        self.kafka.process.send_signal(signal.SIGSTOP)
        time.sleep(chance.uniform(*HANG_S))
        self.kafka.process.send_signal(signal.SIGCONT)

    def cut(self, chance):
        self.between.cut()

    def go_on(self, seconds, seed):
        chance = random.Random(seed)
        end = time.monotonic() + seconds
        kinds = (self.kill, self.hang, self.cut)
        first = chance.sample(kinds, len(kinds))
        while first or time.monotonic() < end:
            time.sleep(chance.uniform(1.0, 4.0))
            fault = first.pop() if first else chance.choice(kinds)
            fault(chance)
            self.done[fault.__name__] += 1

    def stop(self):
        for worker in self.workers:
            worker.send_signal(signal.SIGTERM)
        return [worker.wait(60) for worker in self.workers]


def flow_in(address, seconds, sent):
    """Produce made-up events at a steady rate; some cannot be read."""
    from confluent_kafka import Producer

    settings = {"bootstrap.servers": address, "enable.idempotence": True, "message.timeout.ms": 0, "log_level": 0}
    producer = Producer(settings | {"queue.buffering.max.messages": 1_000_000})
    began, n = time.monotonic(), 0
    while (now := time.monotonic() - began) < seconds:
        while n < now * RATE:
            producer.produce("orders", b"{broken" if n % 500 == 99 else event(n, id=None if n % 700 == 5 else f"o{n}"))
            n += 1
        producer.poll(0.01)
    assert producer.flush(60) == 0
    sent.append(n)


def expected(messages):
    """What has to become of each event: its value after mending, None where it is put aside."""
    values = {f"orders/{m.partition()}/{m.offset()}": m.value() for m in messages}
    ids, raw = list(values), list(values.values())
    decoded = JsonEvents().decode(raw, MadeUp.columns)
    mended = MadeUp().mend(Batch.of(decoded.cells))
    aside = {ids[decoded.rows[row]] for row in mended.unmendable["row"]} | {ids[place] for place, _ in decoded.bad}
    changes = {}
    for row, column, new in mended.applied.select("row", "column", "new").iter_rows():
        changes.setdefault(ids[decoded.rows[row]], {})[column] = new
    return values, aside, {key: held for key, held in changes.items() if key not in aside}


def cells(value, columns):
    frame = JsonEvents().decode([value], list(columns)).cells
    return frame.row(0, named=True)


def check(kafka, home, n):
    source = kafka.get("orders", n, parts=PARTS)
    values, aside, changes = expected(source)
    assert len(values) == n
    healed = {}
    repeats = 0
    for topic, least in (("orders.healed", n - len(aside)), ("orders.quarantine", len(aside))):
        for message in kafka.get(topic, least, parts=PARTS):
            key = dict(message.headers())["kintsu-id"].decode()
            one = (topic, message.value())
            repeats += key in healed
            assert healed.setdefault(key, one) == one, f"{key} came out in two ways"
    assert healed.keys() == values.keys(), f"{len(values.keys() - healed.keys())} events are missing"
    assert {key for key, (topic, _) in healed.items() if topic == "orders.quarantine"} == aside
    for key, (_, value) in healed.items():
        if key in changes:
            assert cells(value, changes[key]) == changes[key]
            rest = json.loads(value).keys() - changes[key].keys()
            assert {k: json.loads(value)[k] for k in rest} == {k: json.loads(values[key])[k] for k in rest}
        else:
            assert value == values[key]
    store = StreamStore(History(home))
    tallies = [window.tally for window in store.windows(store.names()["kintsu/orders"])]
    counted = {name: sum(getattr(tally, name) for tally in tallies) for name in ("events", "healed", "quarantined")}
    assert counted == {"events": n, "healed": len(changes), "quarantined": len(aside)}
    return repeats


@pytest.mark.parametrize(
    "seconds", [pytest.param(10, marks=pytest.mark.rough), pytest.param(600, marks=pytest.mark.slow)]
)
def test_every_event_comes_out_once(kafka_behind, tmp_path, seconds):
    with proxy() as between:
        port = between.port
        kafka = kafka_behind(port)
        host, _, own = kafka.address.partition(":")
        between.server = (host, int(own))
        kafka.make("orders", PARTS)
        script = Path(__file__).with_name("stream_worker.py")
        command = [sys.executable, str(script), f"127.0.0.1:{port}", "orders", str(tmp_path / "home")]
        with (tmp_path / "workers.log").open("wb") as log:
            faults = Faults(kafka, between, lambda: subprocess.Popen(command, stdout=log, stderr=log))
            sent = []
            producing = threading.Thread(target=flow_in, args=(f"127.0.0.1:{port}", seconds, sent))
            producing.start()
            faults.go_on(seconds, seed=seconds)
            producing.join()
            deadline = time.monotonic() + 60
            store = StreamStore(History(tmp_path / "home"))
            while time.monotonic() < deadline:
                windows = store.windows(store.names().get("kintsu/orders", 0))
                if sum(window.tally.events for window in windows) == sent[0]:
                    break
                threading.Event().wait(0.5)
            ended = faults.stop()
        repeats = check(kafka, tmp_path / "home", sent[0])
        told = (tmp_path / "workers.log").read_text()
        # a worker that has just been started dies of the signal
        assert set(ended) <= {0, -signal.SIGTERM} and "Traceback" not in told, told[-2000:]
        print(f"{sent[0]:,} events, {dict(faults.done)}, {between.n_cut} connections cut, {repeats:,} repeats")
