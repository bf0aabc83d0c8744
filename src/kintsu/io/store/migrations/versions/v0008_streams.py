"""Streams: how far they are counted, what came through, what was told."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def _of_stream() -> sa.Column[int]:
    return sa.Column("stream", sa.Integer, sa.ForeignKey("streams.id", ondelete="CASCADE"), primary_key=True)


def upgrade() -> None:
    op.create_table(
        "streams",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.UniqueConstraint("tenant", "name"),
    )
    op.create_table(
        "stream_marks",
        _of_stream(),
        sa.Column("source", sa.String(255), primary_key=True),
        sa.Column("part", sa.Integer, primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("place", sa.BigInteger, nullable=False),
    )
    counts = ("events", "passed", "healed", "quarantined", "held", "changes", "late_ms")
    op.create_table(
        "stream_windows",
        _of_stream(),
        sa.Column("at_us", sa.BigInteger, primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in counts),
        sa.Column("columns", sa.Text, nullable=False),
        sa.Column("examples", sa.Text, nullable=False),
    )
    op.create_table(
        "stream_alerts",
        _of_stream(),
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("ix_stream_alerts_stream_at", "stream_alerts", ["stream", "at_us"])


def downgrade() -> None:
    for table in ("stream_alerts", "stream_windows", "stream_marks", "streams"):
        op.drop_table(table)
