"""Who writes at the same time shares a transaction, and each hears what became of its own."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.io.service.jobs import Jobs, KeyTaken, submit_all
from kintsu.io.service.together import Together
from kintsu.io.service.trail import Act, Trail, keep_acts
from kintsu.io.store.events import Events
from kintsu.io.store.history import History

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@given(st.lists(st.integers(), min_size=1, max_size=60), st.integers(1, 8))
@settings(max_examples=20)
def test_each_thread_gets_its_own_answer_and_nothing_is_written_twice(items, threads):
    written: list[int] = []

    def write(some):
        written.extend(some)
        return [-each for each in some]

    together = Together(write)
    with ThreadPoolExecutor(threads) as pool:
        assert list(pool.map(together.do, items)) == [-each for each in items]
    assert sorted(written) == sorted(items)


def test_what_comes_during_a_write_is_written_in_one():
    started, goes_on, calls = threading.Event(), threading.Event(), []

    def write(some):
        calls.append(list(some))
        started.set()
        assert goes_on.wait(20)
        return some

    together = Together(write)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(together.do, 0)
        assert started.wait(20)
        rest = [pool.submit(together.do, n) for n in (1, 2, 3)]
        while len(together._waiting) < 3:
            threading.Event().wait(0.001)
        goes_on.set()
        assert [first.result(20), *(each.result(20) for each in rest)] == [0, 1, 2, 3]
    assert len(calls) == 2 and sorted(calls[1]) == [1, 2, 3]


def test_who_is_written_does_not_wait_for_those_who_came_later():
    turns, calls = [threading.Event() for _ in range(3)], []

    def write(some):
        calls.append(list(some))
        assert turns[len(calls) - 1].wait(20)
        return some

    together = Together(write)
    with ThreadPoolExecutor(4) as pool:
        done = []
        for n in (0, 1, 2):  # one is being written, the next two wait
            done.append(pool.submit(together.do, n))
            while len(together._waiting) < n or not calls:
                threading.Event().wait(0.001)
        turns[0].set()
        while len(calls) < 2:
            threading.Event().wait(0.001)
        done.append(pool.submit(together.do, 3))
        while not together._waiting:
            threading.Event().wait(0.001)
        turns[1].set()  # 1 and 2 are written, and 3 is under way
        assert [each.result(20) for each in done[:3]] == [0, 1, 2] and not done[3].done()
        turns[2].set()
        assert done[3].result(20) == 3 and calls == [[0], [1, 2], [3]]


def test_an_error_is_told_to_whom_it_concerns_and_the_next_write_works():
    def write(some):
        if 0 in some:
            raise ValueError("zero")
        return some

    together = Together(write)
    with pytest.raises(ValueError, match="zero"):
        together.do(0)
    assert together.do(1) == 1


def test_jobs_that_are_queued_together_keep_their_keys_apart(store_place):
    history = History(store_place)
    mine, other = Jobs(history), Jobs(History(store_place, "other"))
    made = [
        jobs.drafted("heal", {"a": n}, by="x", now=NOW, key=key)
        for jobs, n, key in ((mine, 1, "k"), (mine, 1, "k"), (other, 1, "k"), (mine, 2, "k"), (mine, 2, None))
    ]
    first, same, of_other, taken, free = submit_all(history, made)
    assert first.is_new and not same.is_new and same.job == first.job
    assert of_other.is_new and of_other.job.id != first.job.id and free.is_new
    with pytest.raises(KeyTaken, match=first.job.id):
        taken.told()
    assert {job.id for job in mine.page(limit=9).items} == {first.job.id, free.job.id}
    assert [event.body["job"] for event in Events(history).since(0)] == [first.job.id, free.job.id]
    again = submit_all(history, made[:1])[0]
    assert not again.is_new and again.job == first.job


def test_calls_that_are_kept_together_stand_in_the_trail_of_their_tenant(store_place):
    history = History(store_place)
    keep_acts(history, [(tenant, Act("me", "admin", f"POST /{tenant}", 202, "r")) for tenant in ("local", "other")])
    assert [act.action for act in Trail(history).page(limit=9).items] == ["POST /local"]
