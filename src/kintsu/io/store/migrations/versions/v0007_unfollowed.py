"""Alarms that are recorded and not yet part of an incident."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    batch = sa.Column(
        "batch",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        sa.ForeignKey("batches.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
    op.create_table("unfollowed", batch)


def downgrade() -> None:
    op.drop_table("unfollowed")
