"""Events that are done with are found by their age: each micro-batch forgets the oldest."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    done = sa.text("value IS NULL")
    op.create_index("ix_pushed_done", "pushed", ["tenant", "at_ms"], sqlite_where=done, postgresql_where=done)


def downgrade() -> None:
    op.drop_index("ix_pushed_done", "pushed")
