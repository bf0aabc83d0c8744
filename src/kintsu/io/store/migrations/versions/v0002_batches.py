"""Watched tables and the history of their batches."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "monitors",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.UniqueConstraint("tenant", "name"),
    )
    op.create_table(
        "layouts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("names", sa.Text, nullable=False),
    )
    op.create_table(
        "batches",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("monitor", sa.Integer, sa.ForeignKey("monitors.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.String(512), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("due", sa.String(40)),
        sa.Column("arrived", sa.String(40)),
        sa.Column("judged_at", sa.String(32), nullable=False),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("alarm", sa.Boolean, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("issue", sa.String(16), nullable=False),
        sa.Column("layout", sa.Integer, sa.ForeignKey("layouts.id"), nullable=False),
        sa.Column("facts", sa.LargeBinary, nullable=False),
        sa.Column("judgement", sa.Text),
        sa.Column("sketch", sa.LargeBinary),
        sa.Column("mending", sa.Text),
        sa.Column("verdict_by", sa.String(255)),
        sa.Column("verdict_at", sa.String(32)),
        sa.UniqueConstraint("monitor", "name"),
    )
    op.create_index("ix_batches_monitor_at", "batches", ["monitor", "at_us"])
    op.create_table(
        "months",
        sa.Column("monitor", sa.Integer, sa.ForeignKey("monitors.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("month", sa.String(7), primary_key=True),
        sa.Column("layout", sa.Integer, sa.ForeignKey("layouts.id"), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    for table in ("months", "batches", "layouts", "monitors"):
        op.drop_table(table)
