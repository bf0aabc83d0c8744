"""The queue: ids by urgency, as plain data, in a file, in PostgreSQL or in Redis."""

import pytest

from kintsu.core.errors import UsageError
from kintsu.io.service.queue import Queue


@pytest.fixture(params=["file", "postgresql", "redis"])
def queue(request, tmp_path):
    """Makes one end of the same queue."""
    url = None
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
    elif request.param == "redis":
        url = request.getfixturevalue("redis").url
    ends = []

    def end(do=None):
        ends.append(Queue(tmp_path, url, do))
        return ends[-1]

    end().huey.storage.flush_queue()
    yield end
    for each in ends:
        each.close()


def test_ids_come_out_by_urgency_on_the_other_side(queue):
    here, done = queue(), []
    for job, priority in (("low", 0), ("high", 9), ("also-low", 0)):
        here.put(job, priority)
    there = queue(done.append)
    assert here.waiting(10) == {"low", "high", "also-low"} and here.waiting(2) is None
    for _ in range(3):
        there.huey.execute(there.huey.dequeue())
    assert done == ["high", "low", "also-low"] and here.waiting(10) == set()


def test_many_are_put_at_once_and_soon(queue):
    here = queue()
    here.put_all([(f"all-{n}", n) for n in range(5)])
    for n in range(50):
        here.put_soon(f"soon-{n}")
    here.put("last")  # after those before it
    assert here.waiting(99) == {"last", *(f"all-{n}" for n in range(5)), *(f"soon-{n}" for n in range(50))}


def test_what_is_kept_is_no_pickle(queue):
    end = queue()
    end.put("j-1", 3)
    (kept,) = (bytes(each) for each in end.huey.storage.enqueued_items())
    assert kept.startswith(b"[") and b"j-1" in kept


@pytest.mark.parametrize("url", ["http://h", "sqlite:///a.db", "nonsense"])
def test_another_url_is_refused(tmp_path, url):
    with pytest.raises(UsageError, match="redis://"):
        Queue(tmp_path, url)
