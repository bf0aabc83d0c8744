"""The trace of the request that handed a job in."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("trace", sa.String(64)))


def downgrade() -> None:
    op.drop_column("jobs", "trace")
