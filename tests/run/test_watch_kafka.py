"""Mending a topic of a real broker."""

import json
import multiprocessing
import threading
import time
from collections import Counter

import psycopg
import pytest
from streaming import QUICK, MadeUp, event

from kintsu.core.errors import InputError, UsageError
from kintsu.io.kafka.source import KafkaSource
from kintsu.io.kafka.topics import Broker
from kintsu.io.store.history import History
from kintsu.io.store.streams import StreamStore
from kintsu.run.streams import lags, stream, streams
from kintsu.run.watch import watch
from kintsu.run.watch_flow import Pace
from kintsu.run.watch_workers import suited, watch_together

ALL = 8.0  # seconds without an event after which a test gives up


def mend(server, folder, n=None, **options):
    pace = Pace(wait_s=0.1, max_events=n, until_idle_s=ALL)
    chosen = {"bootstrap": server.address, "topic": "orders", "treatment": MadeUp(), "kafka": QUICK, "pace": pace}
    return watch(**{"home": folder / "home", **chosen, **options})


def ids(messages):
    return Counter(dict(message.headers())["kintsu-id"].decode() for message in messages)


def test_events_go_on_with_all_that_came_with_them(kafka, tmp_path):
    kafka.make("orders", 3)
    values = [event(n) for n in range(500)] + [b"{broken", None]
    kafka.put("orders", values, headers=[("trace", b"7"), ("empty", None)], timestamp=1_700_000_000_123)
    done = mend(kafka, tmp_path, len(values))
    healed, aside = kafka.get("orders.healed", 501), kafka.get("orders.quarantine", 1)
    source = {(m.partition(), m.offset()): m for m in kafka.get("orders", len(values))}
    assert (done.tally.healed, done.tally.passed, done.tally.quarantined) == (55, 446, 1)
    for message in healed + aside:
        headers = dict(message.headers())
        topic, part, place = headers["kintsu-id"].decode().split("/")
        came = source.pop((int(part), int(place)))
        assert topic == "orders" and message.key() == came.key() and message.timestamp() == came.timestamp()
        assert message.headers()[:2] == came.headers() and headers["kintsu-treatment"] == b"t-made-up"
        assert message.partition() == came.partition()
        assert (message.value() == came.value()) == ("kintsu-changes" not in headers)
    assert not source and dict(aside[0].headers())["kintsu-why"].startswith(b"not JSON")
    metrics = [json.loads(message.value()) for message in kafka.get("data-quality-metrics", 1)]
    assert sum(record["events"] for record in metrics) == len(values)


def test_a_second_run_goes_on_where_the_first_ended(kafka, tmp_path):
    kafka.make("orders", 2)
    kafka.put("orders", [event(n) for n in range(100)])
    assert mend(kafka, tmp_path, 60).tally.events == 60
    assert mend(kafka, tmp_path, 40).tally.events == 40
    seen = ids(kafka.get("orders.healed", 100))
    assert len(seen) == 100 and set(seen.values()) == {1}


def test_the_lag_of_each_partition_is_what_the_broker_has_more(kafka, tmp_path):
    kafka.make("orders", 2)
    for part, n in ((0, 300), (1, 200)):
        kafka.put("orders", [event(i) for i in range(n)], partition=part)
    told = []
    mend(kafka, tmp_path, 120, progress=lambda tally, lag: told.append(lag), pace=Pace(60, 0.05, max_events=120))
    assert told[-1] == 380  # both ends are known by the last micro-batch
    ((first, _),) = [streams(home=tmp_path / "home")]
    (line,) = first
    parts = stream(line["id"], home=tmp_path / "home")["parts"]
    assert line["lag"] == 380 == sum(part["lag"] for part in parts) and line["lag_at"]
    assert all(part["end"] - part["place"] == part["lag"] and part["end"] == (300, 200)[part["part"]] for part in parts)
    mend(kafka, tmp_path, 380)
    assert {each[:3]: each[3] for each in lags(home=tmp_path / "home")} == {
        ("kintsu/orders", "orders", 0): 0,
        ("kintsu/orders", "orders", 1): 0,
    }


def test_two_workers_share_the_partitions_and_one_store(kafka, tmp_path):
    kafka.make("orders", 4)
    stop = threading.Event()
    done = []

    def work():
        done.append(mend(kafka, tmp_path, stop=stop, pace=Pace(wait_s=0.1)))

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    store = StreamStore(History(tmp_path / "home"))
    for _ in range(20):
        kafka.put("orders", [event(n) for n in range(100)], key=None)
        stop.wait(0.2)
    seen = ids(kafka.get("orders.healed", 2000))
    stop.set()
    for worker in workers:
        worker.join()
    windows = store.windows(store.names()["kintsu/orders"])
    assert len(seen) == 2000
    assert sum(window.tally.events for window in windows) == 2000 == sum(each.tally.events for each in done)


@pytest.mark.rough
def test_processes_share_a_topic_and_one_that_is_killed_is_replaced(kafka, tmp_path):
    kafka.make("orders", 4)
    kafka.put("orders", [event(n) for n in range(2000)], key=None)
    killed, told = [], []

    def progress(tally, lag):
        told.append(tally.events)
        workers = [each for each in multiprocessing.active_children() if each.pid not in killed]
        if not killed and workers:
            killed.append(workers[0].pid)
            workers[0].kill()
            kafka.put("orders", [event(n) for n in range(2000)], key=None)

    options = {"bootstrap": kafka.address, "topic": "orders", "treatment": MadeUp(), "kafka": QUICK}
    done = watch_together(2, **options, home=tmp_path / "home", pace=Pace(until_idle_s=ALL / 2), progress=progress)
    store = StreamStore(History(tmp_path / "home"))
    windows = store.windows(store.names()["kintsu/orders"])
    assert len(ids(kafka.get("orders.healed", 4000))) == 4000
    assert sum(window.tally.events for window in windows) == 4000
    assert killed and 0 < max(told) <= 4000 and done.stream == "kintsu/orders"
    assert not multiprocessing.active_children()


def test_no_more_processes_suit_a_topic_than_it_has_partitions(kafka):
    kafka.make("orders", 1)
    assert suited(kafka.address, "orders") == 1
    with pytest.raises(InputError, match="nowhere"):
        suited(kafka.address, "nowhere", QUICK)


def test_processes_end_with_what_fails_in_one(kafka, tmp_path):
    options = {"bootstrap": kafka.address, "topic": "nowhere", "treatment": MadeUp(), "home": tmp_path}
    with pytest.raises(InputError, match="nowhere"):
        watch_together(2, **options)
    with pytest.raises(UsageError, match="--max-events"):
        watch_together(2, **options, pace=Pace(max_events=3))
    assert not multiprocessing.active_children()


def test_a_part_that_was_paused_is_read_on_after_the_group_gave_it_away_and_back(kafka):
    kafka.make("orders", 2)
    broker = Broker(kafka.address, QUICK)
    first = KafkaSource(broker, "orders", "g")
    deadline = time.monotonic() + 2 * ALL
    while not first.is_ready and time.monotonic() < deadline:
        first.poll(1, 0.1)
    first.idle()
    second = KafkaSource(broker, "orders", "g")
    while not second.is_ready and time.monotonic() < deadline:
        first.idle()
        second.poll(1, 0.1)
    first.poll(1, 0.1)  # goes on, with one part
    second.close()
    kafka.put("orders", [event(n) for n in range(100)], key=None)
    got = set()
    while len(got) < 100 and time.monotonic() < deadline:
        got |= {each.id for each in first.poll(100, 0.2)}
    first.close()
    assert len(got) == 100


def test_what_came_before_the_group_shared_out_anew_is_handed_over_once(kafka):
    kafka.make("orders", 1)
    kafka.put("orders", [event(n) for n in range(20)])
    broker = Broker(kafka.address, QUICK)
    first = KafkaSource(broker, "orders", "g")
    deadline = time.monotonic() + 2 * ALL
    while not first._early and time.monotonic() < deadline:  # as `idle` keeps what comes before it has paused
        first._early += first._consumer.consume(1, 0.1)
    second = KafkaSource(broker, "orders", "g")
    left: list[bool] = []
    first.on_leaving(lambda: left.append(True))
    while not left and time.monotonic() < deadline:
        first.idle(), second.poll(1, 0.05)
    second.close()
    got: list[int] = []
    while len(got) < 20 and time.monotonic() < deadline:
        got += [each.place for each in first.poll(100, 0.2)]
    first.close()
    assert got == list(range(20))


def test_a_database_that_is_away_for_a_while_ends_no_worker(kafka, postgresql, postgresql_url, tmp_path, monkeypatch):
    name, stop = postgresql_url.rpartition("/")[2], threading.Event()
    kafka.make("orders", 1)
    kafka.put("orders", [event(n) for n in range(100)])
    away, joined = [], []
    monkeypatch.setattr("kintsu.run.watch.KafkaSource", lambda *given: joined.append(KafkaSource(*given)) or joined[-1])

    def allow(is_allowed):
        with psycopg.connect(postgresql, autocommit=True) as server:
            server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {is_allowed}")
            if not is_allowed:
                server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    def progress(tally, lag):
        if tally.events == 100 and not away:
            allow(False)
            away.append(threading.Timer(2.5, allow, (True,)))
            away[0].start()
            kafka.put("orders", [event(n) for n in range(100, 200)])
        if tally.events == 200:
            stop.set()

    done = mend(kafka, tmp_path, home=postgresql_url, progress=progress, stop=stop)
    away[0].join()
    assert done.tally.events == 200
    assert len(joined) == 2  # it joined the group again once, when there was a database: all of a group wait for that
    assert StreamStore(History(postgresql_url)).marks(1).popitem()[1] == 200


def test_a_topic_made_anew_is_counted_anew(kafka, tmp_path):
    from confluent_kafka.admin import AdminClient

    kafka.make("orders", 1)
    kafka.put("orders", [event(0)] * 5)
    assert mend(kafka, tmp_path, 5).tally.events == 5
    admin = AdminClient({"bootstrap.servers": kafka.address, "log_level": 0})
    admin.delete_topics(["orders"])["orders"].result(10)
    kafka.make("orders", 1)
    kafka.put("orders", [event(0)] * 5)
    assert mend(kafka, tmp_path, 5, group="other").tally.events == 5


def test_an_event_that_is_too_large_with_its_changes_is_put_aside_by_name(kafka, tmp_path):
    kafka.make("orders", 1)
    kafka.put("orders", [event(3, note="x" * 5000), event(0)])
    mend(kafka, tmp_path, 2, kafka={**QUICK, "message.max.bytes": 5100})
    (aside,) = kafka.get("orders.quarantine", 1)
    assert aside.value() is None and b"the event is at orders/0/0" in dict(aside.headers())["kintsu-why"]


def test_what_hinders_the_start_is_told():
    with pytest.raises(InputError, match=r"no Kafka broker answers at 127.0.0.1:1 .*is it running"):
        Broker("127.0.0.1:1", patience_s=0.3).check("orders")
    with pytest.raises(InputError, match=r"Kafka does not take these options .*check --kafka"):
        Broker("127.0.0.1:1", {"no.such.option": 1}).check("orders")


def test_a_topic_that_is_missing_is_told_with_the_nearest(kafka, tmp_path):
    kafka.make("orders", 1)
    with pytest.raises(InputError, match=r"has no topic 'order'; did you mean 'orders'\?"):
        mend(kafka, tmp_path, topic="order")
    with pytest.raises(UsageError, match="cannot go back to 'orders'"):
        mend(kafka, tmp_path, healed="orders")
