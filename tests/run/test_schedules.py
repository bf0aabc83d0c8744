"""Schedules: each moment gives one job, however many workers look at the clock."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.core.errors import UsageError
from kintsu.core.settings import parse_settings
from kintsu.io.service.jobs import Jobs
from kintsu.io.store.history import History
from kintsu.run.schedules import Schedule, fire, schedules_from

NOON = datetime(2026, 11, 21, 12, 0, 30, tzinfo=UTC)


def read(text):
    return schedules_from(parse_settings(text).mapping(("schedules",)).get("schedules"))


def test_the_section_is_read():
    told = read("schedules:\n- {cron: '0 6 * * 1-5', kind: monitor_run, tenant: acme, options: {tables: [orders]}}\n")
    assert told == (Schedule("0 6 * * 1-5", "monitor_run", {"options": {"tables": ["orders"]}}, "acme"),)
    assert read("{}") == ()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{cron: '0 6 * *', kind: heal}", "five parts"),
        ("{cron: 'x 6 * * *', kind: heal}", "five parts"),
        ("{cron: '0 6 * * *', kind: hael}", "did you mean 'heal'"),
        ("{cron: '0 6 * * *', kind: heal, tenant: 'A B'}", "tenant"),
        ("{cron: '0 6 * * *', kind: heal, source: {url: x}}", "unknown key 'url'"),
        ("{kind: heal}", "`cron` is missing"),
    ],
)
def test_a_mistake_is_told_with_its_line(line, words):
    with pytest.raises(UsageError, match=rf"line 2.*{words}"):
        read(f"schedules:\n- {line}\n")


def test_the_parts_are_minute_hour_day_month_and_day_of_the_week():
    monday = datetime(2026, 11, 23, 6, 5)
    assert all(Schedule(cron, "heal", {}).fits(monday) for cron in ("5 6 * * *", "*/5 6 23 11 1", "5 4-8 * * 1,3"))
    assert not any(Schedule(cron, "heal", {}).fits(monday) for cron in ("6 6 * * *", "5 6 * * 2", "5 6 24 * *"))


@settings(max_examples=15)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=6))
def test_each_moment_gives_one_job_whoever_looks_when(tmp_path_factory, steps):
    history = History(tmp_path_factory.mktemp("store"))
    schedules = (Schedule("*/2 * * * *", "monitor_run", {"options": {}}),)
    made, since = 0, {"a": NOON, "b": NOON}
    now = NOON
    for n, step in enumerate(steps):
        now += timedelta(seconds=step)
        who = "ab"[n % 2]
        made += len(fire(schedules, lambda tenant: Jobs(History(history.place, tenant)), since[who], now))
        since[who] = now
    both = fire(schedules, lambda tenant: Jobs(History(history.place, tenant)), NOON, now)
    minutes = [
        NOON.replace(second=0) + timedelta(minutes=n) for n in range(1, 1 + int((now - NOON).total_seconds()) // 60 + 1)
    ]
    assert made + len(both) == sum(minute <= now and minute.minute % 2 == 0 for minute in minutes)


def test_a_machine_that_slept_for_days_does_not_make_up_for_all_of_them(tmp_path):
    history = History(tmp_path)
    schedules = [Schedule(cron, "monitor_run", {"options": {}}) for cron in ("*/5 * * * *", "0 6 * * *", "0 6 1 1 *")]

    def fired(since, now):
        jobs = fire(schedules, lambda tenant: Jobs(History(history.place, tenant)), since, now)
        return sorted(Counter(job.created_at for job in jobs).values())

    for days, n in ((3, 12 + 1 + 1), (400, 12 + 1 + 1)):
        slept = NOON + timedelta(days=days)
        assert fired(NOON, slept) == [n]  # of the last hour, the last before it, and the last morning
        assert fired(NOON, slept + timedelta(seconds=20)) == []
