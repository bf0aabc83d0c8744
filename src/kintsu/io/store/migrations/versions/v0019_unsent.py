"""Alerts of streams that are written down and not sent yet."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
IS_UNSENT = sa.text("unsent_us IS NOT NULL")


def upgrade() -> None:
    op.add_column("stream_alerts", sa.Column("unsent_us", sa.BigInteger))
    op.create_index(
        "ix_stream_alerts_unsent", "stream_alerts", ["stream"], sqlite_where=IS_UNSENT, postgresql_where=IS_UNSENT
    )


def downgrade() -> None:
    op.drop_index("ix_stream_alerts_unsent", "stream_alerts")
    op.drop_column("stream_alerts", "unsent_us")
