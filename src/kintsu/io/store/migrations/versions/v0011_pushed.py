"""Events that are pushed, answers to requests with an idempotency key, and an index over what alarmed."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"
_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "pushed",
        sa.Column("n", _BIG, primary_key=True, autoincrement=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("value", sa.LargeBinary),
        sa.UniqueConstraint("tenant", "name", "event"),
        sqlite_autoincrement=True,
    )
    waits = sa.text("value IS NOT NULL")
    op.create_index("ix_pushed_waiting", "pushed", ["tenant", "name", "n"], sqlite_where=waits, postgresql_where=waits)
    op.create_table(
        "replies",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("body", sa.String(64), nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("headers", sa.Text, nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_replies_at_us", "replies", ["at_us"])
    alarms = sa.text("alarm")
    op.create_index("ix_batches_alarm_at", "batches", ["at_us", "id"], sqlite_where=alarms, postgresql_where=alarms)


def downgrade() -> None:
    op.drop_index("ix_batches_alarm_at", "batches")
    op.drop_table("replies")
    op.drop_table("pushed")
