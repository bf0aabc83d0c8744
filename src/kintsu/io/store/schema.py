"""The store's tables, in SQLAlchemy Core, for SQLite and PostgreSQL alike. Imported on first use only.

A change here needs a migration in `migrations/versions`; a test compares the two.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
    inspect,
    text,
)

from kintsu.io.store import database
from kintsu.io.store.atomic import explained
from kintsu.io.store.database import adding, asking, fields_in, fields_of, reading, snapshot, writing
from kintsu.io.store.home import TENANTS, has_store, server_of, tenant_in

__all__ = [
    "COUNTS",
    "adding",
    "api_keys",
    "asking",
    "audit",
    "batches",
    "blobs",
    "connect",
    "entries",
    "events",
    "fields_in",
    "fields_of",
    "files",
    "head",
    "incidents",
    "jobs",
    "layouts",
    "models",
    "monitors",
    "months",
    "notices",
    "opened",
    "pieces",
    "promotions",
    "pushed",
    "reading",
    "replies",
    "runs",
    "salts",
    "snapshot",
    "stream_alerts",
    "stream_marks",
    "stream_windows",
    "streams",
    "tenants",
    "unfollowed",
    "uploads",
    "writing",
]

VERSION = 1  # of the log's lines
COUNTS = ("events", "passed", "healed", "quarantined", "held", "changes", "late_ms")  # of a stream

metadata = MetaData(
    naming_convention={  # constraints need names to be altered later
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
_BIG = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up an INTEGER key only
_PLAIN = Text().with_variant(Text(collation="C"), "postgresql")  # sorted by code points everywhere

entries = Table(
    "entries",
    metadata,
    Column("n", Integer, primary_key=True),  # from 1, without gaps
    Column("at", String(32), nullable=False),
    Column("run", String(64), nullable=False, index=True),
    Column("kind", String(32), nullable=False, index=True),
    Column("payload", Text, nullable=False),  # canonical JSON, no cell values
    Column("prev_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
"""Append-only."""

head = Table(
    "head",
    metadata,
    Column("id", Integer, primary_key=True),  # always 1
    Column("version", Integer, nullable=False),
    Column("n", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
)
"""The last entry, so that cutting off the end shows."""

runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("n", Integer, nullable=False, unique=True),  # entry that announced it
    Column("status", String(16), nullable=False, index=True),
    Column("base", String(64), nullable=False, index=True),
    Column("made", String(64), nullable=False, index=True),
    Column("output", Text, nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("name", Text, nullable=False),  # of the table
    Index("ix_runs_name_n", "name", "n"),
    Index("ix_runs_kind_n", "kind", "n"),
)
"""An index over the entries, for look-ups; everything in it follows from them."""

monitors = Table(
    "monitors",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("name", String(255), nullable=False),  # of runs: a hash of the table's place
    Column("settings", Text, nullable=False),  # JSON
    Column("created_at", String(32), nullable=False),
    Column("kind", String(16), nullable=False, server_default="watched"),  # or: runs
    Column("folded", _PLAIN, nullable=False, server_default=""),  # the name that people know, without case
    UniqueConstraint("tenant", "name"),
    Index("ix_monitors_tenant_id", "tenant", "id"),
    Index("ix_monitors_tenant_folded_id", "tenant", "folded", "id"),
)
"""Tables that are watched, and apart from them tables that were healed or checked: their batches are the runs."""

layouts = Table(
    "layouts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("names", Text, nullable=False),  # JSON list
)
"""Names of the facts in a packed row, in order: batches with the same columns share one."""

batches = Table(
    "batches",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("monitor", Integer, ForeignKey("monitors.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(512), nullable=False),
    Column("at_us", BigInteger, nullable=False),  # of its last day, else of its arrival: microseconds since 1970, UTC
    Column("due", String(40)),  # ISO, with the offset where it has one
    Column("arrived", String(40)),
    Column("judged_at", String(32), nullable=False),
    Column("content", String(64), nullable=False),  # hash of what was read
    Column("rows", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("alarm", Boolean, nullable=False),
    Column("score", Float, nullable=False),
    Column("issue", String(16), nullable=False),
    Column("layout", Integer, ForeignKey("layouts.id"), nullable=False),
    Column("facts", LargeBinary, nullable=False),  # float32, little endian, in the order of the layout
    Column("judgement", Text),  # JSON, of batches that alarmed
    Column("sketch", LargeBinary),  # packed BatchMetrics, while the batch may be in a baseline
    Column("mending", Text),  # JSON: what was detected, decided, done and found afterwards
    Column("verdict_by", String(255)),
    Column("verdict_at", String(32)),
    UniqueConstraint("monitor", "name"),
    Index("ix_batches_monitor_at", "monitor", "at_us"),
    Index("ix_batches_alarm_at", "at_us", "id", sqlite_where=text("alarm"), postgresql_where=text("alarm")),
)
"""One packed row for each batch of each table."""

unfollowed = Table(
    "unfollowed",
    metadata,
    Column("batch", _BIG, ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
)
"""Batches that alarmed, until their incident is opened or continued: for moments, unless a run is killed."""

months = Table(
    "months",
    metadata,
    Column("monitor", Integer, ForeignKey("monitors.id", ondelete="CASCADE"), primary_key=True),
    Column("month", String(7), primary_key=True),  # 2026-11
    Column("layout", Integer, ForeignKey("layouts.id"), nullable=False),
    Column("body", LargeBinary, nullable=False),  # compressed: columns of the batches as JSON, then their facts
)
"""Batches that no baseline needs any more, a month of a table in one place: a course reads a few of these."""

salts = Table(
    "salts",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("salt", LargeBinary, nullable=False),  # random, made once
)
"""What values of sensitive columns are hashed with in the sketches."""

incidents = Table(
    "incidents",
    metadata,
    Column("monitor", Integer, ForeignKey("monitors.id", ondelete="CASCADE"), primary_key=True),
    Column("id", String(32), primary_key=True),  # of the content
    Column("tenant", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("opened_us", BigInteger, nullable=False),  # microseconds since 1970, UTC
    Column("seen_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),  # null while it is open
    Column("body", Text, nullable=False),  # JSON
    Index("ix_incidents_tenant_ended", "tenant", "ended_us"),
)
"""Trouble of watched tables that lasts or lasted."""

notices = Table(
    "notices",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("notice", String(32), nullable=False),  # id of the content
    Column("route", String(64), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # waiting, sending, sent, given_up
    Column("tried_us", BigInteger),  # the last try, or the one that is under way
    Column("n_tries", Integer, nullable=False),
    Column("failure", Text, nullable=False),  # of the last try, "" where it worked
    Column("body", Text, nullable=False),  # JSON
    Index("ix_notices_tenant_state", "tenant", "state"),
)
"""What was told about incidents, or is to be told: a row for each notice and place."""

models = Table(
    "models",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("version", Integer, nullable=False),  # of the name, from 1
    Column("stage", String(16), nullable=False),  # candidate, live, archived
    Column("created_at", String(32), nullable=False),
    Column("created_by", String(255), nullable=False),
    Column("sha256", String(64), nullable=False),  # of the body
    Column("body", LargeBinary, nullable=False),
    Column("about", Text, nullable=False),  # JSON: metrics, parameters, data, lineage
    UniqueConstraint("tenant", "name", "version"),
    Index(
        "ix_models_live",
        "tenant",
        "name",
        unique=True,  # the database itself refuses a second live version
        sqlite_where=text("stage = 'live'"),
        postgresql_where=text("stage = 'live'"),
    ),
)
"""Versions of trained models."""

promotions = Table(
    "promotions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("version", Integer),  # that is live after it; null where none is
    Column("before", Integer),  # that was live before it
    Column("stage", String(16)),  # what the promoted version was before
    Column("undoes", Integer),  # the promotion that a rollback takes back
    Column("at", String(32), nullable=False),
    Column("by", String(255), nullable=False),
    Column("why", Text, nullable=False),
    Index("ix_promotions_tenant_name", "tenant", "name"),
)
"""Which version was live when: promotions and rollbacks, append-only."""

streams = Table(
    "streams",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("settings", Text, nullable=False),  # JSON
    Column("created_at", String(32), nullable=False),
    *(Column(name, BigInteger, nullable=False, server_default="0") for name in COUNTS),  # of its windows, added up
    Column("last_us", BigInteger),  # begin of the last window
    UniqueConstraint("tenant", "name"),
)
"""Streams that are mended; all workers of a group are one."""

stream_marks = Table(
    "stream_marks",
    metadata,
    Column("stream", Integer, ForeignKey("streams.id", ondelete="CASCADE"), primary_key=True),
    Column("source", String(255), primary_key=True),  # topic, and the id that the broker gave it
    Column("part", Integer, primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("place", BigInteger, nullable=False),  # the next event: those before are counted
    Column("reach", BigInteger),  # the place after the last event that was there, where a worker could tell
    Column("reach_us", BigInteger),  # when that was
)
"""How far each part of a stream is counted: what comes again is told by it."""

stream_windows = Table(
    "stream_windows",
    metadata,
    Column("stream", Integer, ForeignKey("streams.id", ondelete="CASCADE"), primary_key=True),
    Column("at_us", BigInteger, primary_key=True),  # its begin: microseconds since 1970, UTC
    Column("tenant", String(64), nullable=False),
    *(Column(name, BigInteger, nullable=False) for name in COUNTS),
    Column("columns", Text, nullable=False),  # JSON: the tally of each column
    Column("examples", Text, nullable=False),  # JSON: some changes
    Column("lag", BigInteger),  # events, or files, that waited at its end
)
"""What came through in each window of time, all workers together."""

stream_troubles = Table(
    "stream_troubles",
    metadata,
    Column("stream", Integer, ForeignKey("streams.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("column", String(255), primary_key=True),  # "" where it is about none
    Column("tenant", String(64), nullable=False),
    Column("at_us", BigInteger, nullable=False),  # when it was told last
    Column("message", Text, nullable=False),
)
"""What is wrong with a stream now: whichever worker writes it down first tells it."""

stream_alerts = Table(
    "stream_alerts",
    metadata,
    Column("stream", Integer, ForeignKey("streams.id", ondelete="CASCADE"), primary_key=True),
    Column("id", String(32), primary_key=True),  # of the content
    Column("tenant", String(64), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("stage", String(16), nullable=False),  # detect, decide, remediate, validate
    Column("body", Text, nullable=False),  # JSON
    Column("unsent_us", BigInteger),  # since when a worker is about to send it; null once it has arrived
    Index("ix_stream_alerts_stream_at", "stream", "at_us"),
    Index(
        "ix_stream_alerts_unsent",
        "stream",
        sqlite_where=text("unsent_us IS NOT NULL"),
        postgresql_where=text("unsent_us IS NOT NULL"),
    ),
)
"""What was told about streams."""


api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(16), primary_key=True),  # the part of the key that is not secret
    Column("tenant", String(64), nullable=False, index=True),
    Column("name", String(255), nullable=False),
    Column("role", String(16), nullable=False),
    Column("digest", String(64), nullable=False),  # SHA-256 of the secret part, which is random and long
    Column("created_at", String(32), nullable=False),
    Column("created_by", String(255), nullable=False),
    Column("expires_at", String(32)),
    Column("revoked_at", String(32)),
    Column("used_at", String(32)),
)
"""Keys with which programs sign in to the service."""

audit = Table(
    "audit",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("at", String(32), nullable=False),
    Column("who", String(255), nullable=False),
    Column("role", String(16), nullable=False),
    Column("action", String(512), nullable=False),  # method and path
    Column("status", Integer, nullable=False),
    Column("request", String(64), nullable=False),  # id of the request, as in the logs
    Index("ix_audit_tenant_id", "tenant", "id"),
)
"""Every call of the service that may have written something, append-only."""

uploads = Table(
    "uploads",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("name", String(255), nullable=False),  # of the file, as it was given
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("created_by", String(255), nullable=False),
    Index("ix_uploads_tenant_created_at", "tenant", "created_at"),
)
"""Files that were sent to the service."""

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("state", String(16), nullable=False),  # queued, running, done, failed, cancelled
    Column("priority", Integer, nullable=False),
    Column("arguments", Text, nullable=False),  # JSON
    Column("key", String(255)),  # the caller's idempotency key
    Column("created_at", String(32), nullable=False),
    Column("created_by", String(255), nullable=False),
    Column("due_us", BigInteger, nullable=False),  # not to be started before: microseconds since 1970, UTC
    Column("started_at", String(32)),
    Column("ended_at", String(32)),
    Column("tries", Integer, nullable=False),
    Column("worker", String(255)),  # that runs it
    Column("lease_us", BigInteger),  # until when the worker has it, unless it says again that it lives
    Column("stage", String(255), nullable=False),
    Column("progress", Float, nullable=False),  # of the stage, in [0, 1]
    Column("cancels", Boolean, nullable=False),  # somebody asked that it stops
    Column("run", String(64)),  # id of the run that it is to make, chosen before the first try
    Column("result", Text),  # JSON
    Column("problem", Text),  # JSON: why it failed
    Column("trace", String(64)),  # W3C traceparent of the request that handed it in
    UniqueConstraint("tenant", "key"),
    Index("ix_jobs_state_due_us", "state", "due_us"),
    Index("ix_jobs_tenant_id", "tenant", "id"),
    Index("ix_jobs_tenant_state_id", "tenant", "state", "id"),
    Index("ix_jobs_tenant_kind_id", "tenant", "kind", "id"),
)
"""Long work of the service; a row is the truth about a job, whatever the queue knows."""

events = Table(
    "events",
    metadata,
    Column("id", _BIG, primary_key=True),  # the cursor from which a client reads on
    Column("tenant", String(64), nullable=False),
    Column("at", String(32), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("body", Text, nullable=False),  # JSON, no cell values
    Index("ix_events_tenant_id", "tenant", "id"),
)
"""What happened, for those who look on."""


pushed = Table(
    "pushed",
    metadata,
    Column("n", _BIG, primary_key=True, autoincrement=True),
    Column("tenant", String(64), nullable=False),
    Column("name", String(255), nullable=False),  # of the table
    Column("event", String(64), nullable=False),  # its own id, else that of its content
    Column("at_ms", BigInteger, nullable=False),  # when it came: milliseconds since 1970, UTC
    Column("value", LargeBinary),  # null once it is mended and has arrived
    UniqueConstraint("tenant", "name", "event"),
    Index(
        "ix_pushed_waiting",
        "tenant",
        "name",
        "n",
        sqlite_where=text("value IS NOT NULL"),
        postgresql_where=text("value IS NOT NULL"),
    ),
    Index(
        "ix_pushed_done",  # what is forgotten is found without looking at a week of events
        "tenant",
        "at_ms",
        sqlite_where=text("value IS NULL"),
        postgresql_where=text("value IS NULL"),
    ),
    sqlite_autoincrement=True,  # a place is never given twice
)
"""Events that were pushed for a table, in the order of their coming."""

replies = Table(
    "replies",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("key", String(255), primary_key=True),  # the caller's idempotency key, with method and address
    Column("body", String(64), nullable=False),  # hash of what was sent
    Column("at_us", BigInteger, nullable=False),
    Column("status", Integer),  # null while the first request is being answered
    Column("headers", Text, nullable=False),  # JSON
    Column("answer", LargeBinary, nullable=False),
    Index("ix_replies_at_us", "at_us"),
)
"""Answers to requests with an idempotency key: the same request again is answered by them."""


blobs = Table(
    "blobs",
    metadata,
    Column("room", String(8), primary_key=True),  # what they are for: values of runs, files of the service
    Column("digest", String(64), primary_key=True),  # SHA-256 of the bytes
    Column("bytes", BigInteger, nullable=False),
    Column("touched_us", BigInteger, nullable=False),  # put for the last time: microseconds since 1970, UTC
)
"""Values, where several machines share a database; in a folder otherwise."""

pieces = Table(
    "pieces",
    metadata,
    Column("room", String(8), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("n", Integer, primary_key=True),  # from 0
    Column("body", LargeBinary, nullable=False),
    ForeignKeyConstraint(["room", "digest"], ["blobs.room", "blobs.digest"], ondelete="CASCADE"),
)
"""The bytes of blobs in order: a large one is never in memory as a whole."""

files = Table(
    "files",
    metadata,
    Column("path", String(1024), primary_key=True),  # within the home
    Column("digest", String(64), nullable=False),
    Column("at", String(32), nullable=False),
)
"""Files of the service as they were left last, for the machines that share the database."""


@event.listens_for(head, "after_create")
def _start(_table: Table, connection: Connection, **_options: Any) -> None:
    connection.execute(head.insert().values(id=1, version=VERSION, n=0, hash=""))


def connect(place: Path | str, schema: str | None = None) -> Engine:
    """The engine over a SQLite file or a schema of PostgreSQL, its tables made or brought up to date."""
    return database.connect(place, metadata, schema)


def tenants(home: Path) -> list[str]:
    """Those who have a store within this home."""
    server = server_of(home)
    if server is None:
        folders = home / TENANTS
        return sorted(each.name for each in folders.iterdir() if has_store(each)) if folders.is_dir() else []
    with database.reading(opened(home)) as connection:
        return sorted(filter(None, map(tenant_in, inspect(connection).get_schema_names())))


def opened(home: Path) -> Engine:
    """The engine over the store of a home: its file, or the server that it remembers."""
    server = server_of(home)
    if server is not None:
        return connect(server.url, server.schema)
    with explained(home):
        home.mkdir(parents=True, exist_ok=True, mode=0o700)  # values of the table lie here
    return connect(home / "kintsu.db")
