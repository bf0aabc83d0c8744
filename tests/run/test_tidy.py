"""What a service forgets in time, and what it never does."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from kintsu.core.errors import UsageError
from kintsu.io.service.jobs import Jobs
from kintsu.io.service.uploads import Uploads
from kintsu.io.service.work import Work
from kintsu.io.store.events import Events
from kintsu.io.store.history import History
from kintsu.run.heal import heal
from kintsu.run.job_source import Desk
from kintsu.run.tidy import tidy
from kintsu.run.undo import undo

NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=40)


@pytest.fixture
def desk(tmp_path):
    history = History(tmp_path / "home")
    return Desk(tmp_path / "home", Uploads(history, tmp_path / "home" / "files"))


def sent(desk):
    async def body():
        yield b"a,b\n1,2\n"

    return asyncio.run(desk.uploads.add("a.csv", body(), by="me", most=100))


def job(desk, source, *, ended=None):
    """A job; one that ended at this moment has left a file."""
    jobs = Jobs(desk.uploads.history)
    made, _ = jobs.submit("heal", {"source": source}, by="me", now=NOW)
    if ended is not None:
        work = Work(desk.uploads.history)
        work.finish(work.take(made.id, "w", NOW, timedelta(seconds=30)), "done", ended, result={})
        folder = desk.folder(source, made.run)
        folder.mkdir(parents=True)
        (folder / "a.healed.csv").write_bytes(b"a,b\n1,2\n")
    return made


def test_old_files_jobs_and_events_go_and_young_ones_stay(desk):
    first, waiting = sent(desk), sent(desk)
    by_path = job(desk, {"path": "/data/a.csv"}, ended=NOW)
    of_upload = job(desk, {"upload": first.id}, ended=NOW)
    open_job = job(desk, {"upload": waiting.id})
    assert tidy(desk, NOW + timedelta(days=29), files_days=30) == {"jobs": 0, "uploads": 0, "events": 0}
    last = Events(desk.uploads.history).last()
    told = tidy(desk, LATER, files_days=30)
    assert (told["jobs"], told["uploads"]) == (2, 1) and told["events"] == last - 1
    jobs = Jobs(desk.uploads.history)
    assert jobs.find(by_path.id) is jobs.find(of_upload.id) is None and jobs.find(open_job.id) is not None
    assert desk.uploads.find(first.id) is None and desk.uploads.path(desk.uploads.find(waiting.id)).is_file()
    assert [path.name for path in desk.uploads.folder.iterdir()] == [waiting.id]
    assert Events(desk.uploads.history).add("job", {}).id == last + 1


def test_what_a_job_left_is_forgotten_for_all_machines(store_home):
    desk, source = Desk(store_home, Uploads(History(store_home), store_home / "files")), {"path": "/data/a.csv"}
    folder = desk.folder(source, job(desk, source, ended=NOW).run)
    desk.shelf.keep(folder)
    tidy(desk, LATER, files_days=30)
    desk.shelf.fetch(folder)
    assert not folder.exists()


def test_what_other_tenants_have_stays(desk):
    other = Desk(desk.home / "b", Uploads(History(desk.home, "b"), desk.home / "b" / "files"))
    upload = sent(other)
    theirs = job(other, {"upload": upload.id}, ended=NOW)
    assert tidy(desk, LATER, files_days=1) == {"jobs": 0, "uploads": 0, "events": 0}
    assert other.uploads.find(upload.id) and Jobs(other.uploads.history).find(theirs.id)


def test_undo_goes_only_if_that_is_asked(desk, tmp_path):
    (tmp_path / "a.csv").write_bytes(
        b"city,n\n" + b"".join(b"Paris,%d\nLyon,%d\n" % (n, n) for n in range(60)) + b"Lyon ,7\n"
    )
    mended = heal(tmp_path / "a.csv", out=tmp_path / "b.csv", home=desk.home)
    assert mended.changes.height == 1
    assert tidy(desk, LATER, files_days=1, history_days=1)["jobs"] == 0
    undo(mended.run, home=desk.home)
    assert (tmp_path / "b.csv").read_bytes() == (tmp_path / "a.csv").read_bytes()


@pytest.mark.parametrize("wrong", [{}, {"files_days": 0}, {"undo_days": "7"}, {"history_days": True}])
def test_a_wrong_number_of_days_is_told(desk, wrong):
    with pytest.raises(UsageError, match="days"):
        tidy(desk, NOW, **wrong)
