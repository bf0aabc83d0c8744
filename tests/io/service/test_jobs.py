"""A job ends once, whoever takes, loses, retries and finishes it in whatever order; none is lost."""

import random
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule
from sqlalchemy import event

from kintsu.io.service.jobs import CANCELLED, DONE, FAILED, QUEUED, RUNNING, Jobs, KeyTaken
from kintsu.io.service.work import FIRST_S, LONGEST_S, MOST_TRIES, Work, pause
from kintsu.io.store.database import reading
from kintsu.io.store.events import Events
from kintsu.io.store.history import History

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LEASE = timedelta(seconds=30)
ENDED = {DONE, FAILED, CANCELLED}


@pytest.fixture
def history(store_place):
    return History(store_place)


def submitted(history, kind="heal", **more):
    return Jobs(history).submit(kind, {"source": {"upload": "u"}}, by="somebody", now=NOW, **more)[0]


def test_a_job_goes_from_queued_over_running_to_done(history):
    jobs, work = Jobs(history), Work(history)
    job = submitted(history)
    assert (job.state, job.tries, job.run is not None) == (QUEUED, 0, True)
    taken = work.take(job.id, "a", NOW, LEASE)
    assert taken is not None and (taken.state, taken.tries, taken.run) == (RUNNING, 1, job.run)
    assert work.take(job.id, "b", NOW, LEASE) is None
    assert work.beat(taken, NOW, LEASE, "reading", 0.5)
    assert work.finish(taken, DONE, NOW, result={"applied": 3})
    found = jobs.find(job.id)
    assert found is not None and (found.state, found.result, found.progress) == (DONE, {"applied": 3}, 1.0)
    assert not work.finish(taken, FAILED, NOW, problem={"message": "no"}) and jobs.find(job.id) == found
    told = [(event.kind, event.body["state"], event.body["stage"]) for event in Events(history).since(0)]
    assert told == [("job", QUEUED, ""), ("job", RUNNING, ""), ("job", RUNNING, "reading"), ("job", DONE, "reading")]


def test_the_same_key_gives_the_first_job(history):
    jobs = Jobs(history)
    first, is_new = jobs.submit("heal", {"a": 1}, by="x", now=NOW, key="k")
    again, is_new_again = jobs.submit("heal", {"a": 1}, by="y", now=NOW, key="k")
    assert is_new and not is_new_again and again == first
    with pytest.raises(KeyTaken, match=first.id):
        jobs.submit("heal", {"a": 2}, by="x", now=NOW, key="k")
    other = Jobs(History(history.place, "other")).submit("heal", {"a": 1}, by="x", now=NOW, key="k")
    assert other[1] and other[0].id != first.id


def test_a_tenant_sees_and_cancels_nothing_of_another(history):
    job, other = submitted(history), Jobs(History(history.place, "other"))
    assert other.find(job.id) is None and other.cancel(job.id, NOW) is None
    assert not other.page(limit=10).items and Jobs(history).find(job.id) == job


def test_pages_go_from_new_to_old_and_know_states_and_kinds(history):
    jobs = Jobs(history)
    made = [jobs.submit(kind, {}, by="x", now=NOW + timedelta(milliseconds=n))[0] for n, kind in enumerate("abcab")]
    jobs.cancel(made[0].id, NOW)
    first = jobs.page(limit=3)
    rest = jobs.page(limit=3, before=first.next)
    assert [job.id for job in (*first.items, *rest.items)] == [job.id for job in made[::-1]] and rest.next is None
    assert [job.id for job in jobs.page(limit=9, kind="a").items] == [made[3].id, made[0].id]
    assert [job.id for job in jobs.page(limit=9, state=CANCELLED).items] == [made[0].id]


@pytest.mark.parametrize(
    "wanted", [{}, {"state": FAILED}, {"kind": "train"}, {"state": DONE, "before": "j-2"}], ids=str
)
def test_a_page_looks_at_no_job_that_it_does_not_show(tmp_path, wanted):
    history, asked = History(tmp_path), []
    submitted(history)
    event.listen(history.engine, "before_cursor_execute", lambda *told: asked.append(told[2:4]))
    Jobs(history).page(limit=5, **wanted)
    statement, values = asked[-1]
    with reading(history.engine) as connection:
        (plan,) = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    columns = {"tenant": "=", **{name: "<" if name == "before" else "=" for name in wanted}}
    told = " AND ".join(f"{'id' if name == 'before' else name}{sign}?" for name, sign in columns.items())
    assert plan[-1].startswith("SEARCH jobs USING INDEX") and plan[-1].endswith(f"({told})")


def test_a_cancel_ends_what_waits_and_asks_what_runs(history):
    jobs, work = Jobs(history), Work(history)
    waiting, running = submitted(history), submitted(history)
    taken = work.take(running.id, "a", NOW, LEASE)
    assert jobs.cancel(waiting.id, NOW).state == CANCELLED and work.take(waiting.id, "a", NOW, LEASE) is None
    asked = jobs.cancel(running.id, NOW)
    assert (asked.state, asked.cancels) == (RUNNING, True) and not work.beat(taken, NOW, LEASE, "", 0)
    assert work.finish(taken, CANCELLED, NOW) and jobs.cancel(running.id, NOW).state == CANCELLED


def test_a_job_whose_worker_died_is_queued_until_its_tries_are_over(history):
    jobs, work, now = Jobs(history), Work(history), NOW
    job = submitted(history)
    for n in range(1, MOST_TRIES + 1):
        taken = work.take(job.id, f"w{n}", now, LEASE)
        assert taken.tries == n and work.orphans(now + LEASE) == []
        now += LEASE + timedelta(seconds=1)
        assert work.orphans(now) == ([job.id] if n < MOST_TRIES else [])
        assert not work.beat(taken, now, LEASE, "", 0) and not work.finish(taken, DONE, now, result={})
    found = jobs.find(job.id)
    assert found.state == FAILED and found.problem["type"] == "WorkerLost"


def test_a_retry_waits_longer_each_time(history):
    jobs, work, now = Jobs(history), Work(history), NOW
    job = submitted(history)
    for n in range(1, MOST_TRIES + 1):
        taken = work.take(job.id, "a", now, LEASE)
        assert work.again(taken, now, {"message": "busy"}, random.Random(n))
        if n == MOST_TRIES:
            break
        assert work.take(job.id, "a", now, LEASE) is None and work.due(now) == []
        now += timedelta(seconds=FIRST_S * 2 ** (n - 1))
        assert [each.id for each in work.due(now)] == [job.id]
    assert jobs.find(job.id).state == FAILED
    assert all(pause(n, random.Random(0)) <= timedelta(seconds=LONGEST_S) for n in range(1, 60))


def test_what_is_given_back_is_no_try(history):
    work, job = Work(history), submitted(history)
    assert work.give_back(work.take(job.id, "a", NOW, LEASE), NOW)
    assert work.take(job.id, "b", NOW, LEASE).tries == 1


def test_the_urgent_come_first_and_the_later_later(history):
    work = Work(history)
    low, high = submitted(history), submitted(history, priority=5)
    late = submitted(history, priority=9, due=NOW + timedelta(hours=1))
    assert [job.id for job in work.due(NOW)] == [high.id, low.id] and work.take(late.id, "a", NOW, LEASE) is None
    assert work.counts() == {QUEUED: 3}


class Lives(RuleBasedStateMachine):
    """Workers take, beat, finish, fail and die; a sweep finds what they lost; time goes on."""

    jobs = Bundle("jobs")
    claims = Bundle("claims")

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="kintsu-jobs-")
        history = History(Path(self.folder.name))
        self.tenant, self.work, self.now = Jobs(history), Work(history), NOW
        self.ends: dict[str, list[str]] = {}

    @rule(target=jobs)
    def submit(self):
        job = self.tenant.submit("heal", {}, by="x", now=self.now)[0].id
        self.ends[job] = []
        return job

    @rule(target=claims, job=jobs, worker=st.sampled_from("abc"))
    def take(self, job, worker):
        taken = self.work.take(job, worker, self.now, LEASE)
        return multiple() if taken is None else taken

    @rule(claim=claims)
    def beat(self, claim):
        self.work.beat(claim, self.now, LEASE, "working", 0.5)

    @rule(claim=claims)
    def finish(self, claim):
        if self.work.finish(claim, DONE, self.now, result={}):
            self.ends[claim.id].append(DONE)

    @rule(claim=claims)
    def fail(self, claim):
        if self.work.again(claim, self.now, {}, random.Random(0)) and claim.tries == MOST_TRIES:
            self.ends[claim.id].append(FAILED)

    @rule(claim=claims)
    def stop(self, claim):
        self.work.give_back(claim, self.now)

    @rule(job=jobs)
    def cancel(self, job):
        before = self.tenant.find(job).state
        if self.tenant.cancel(job, self.now).state == CANCELLED and before == QUEUED:
            self.ends[job].append(CANCELLED)

    @rule(seconds=st.integers(1, 60))
    def wait(self, seconds):
        self.now += timedelta(seconds=seconds)

    @rule()
    def sweep(self):
        before = {job for job in self.ends if self.tenant.find(job).state == RUNNING}
        self.work.orphans(self.now)
        for job in before:
            if self.tenant.find(job).state == FAILED:
                self.ends[job].append(FAILED)

    @invariant()
    def each_ended_once_and_is_in_that_state(self):
        for job, ends in self.ends.items():
            state = self.tenant.find(job).state
            assert len(ends) <= 1 and (ends == [state] if state in ENDED else not ends)

    def teardown(self):
        for _ in range(3 * MOST_TRIES):  # workers that do not die end all that is left
            self.now += timedelta(seconds=LONGEST_S)
            self.sweep()
            for job in self.work.due(self.now):
                taken = self.work.take(job.id, "last", self.now, LEASE)
                assert taken is not None and self.work.finish(taken, DONE, self.now, result={})
        assert all(self.tenant.find(job).state in ENDED for job in self.ends)
        self.folder.cleanup()


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
