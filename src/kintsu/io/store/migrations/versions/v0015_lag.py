"""How many events of a stream wait: where each part ends, and what waited at the end of a window."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("stream_marks", sa.Column("reach", sa.BigInteger))
    op.add_column("stream_marks", sa.Column("reach_us", sa.BigInteger))
    op.add_column("stream_windows", sa.Column("lag", sa.BigInteger))


def downgrade() -> None:
    op.drop_column("stream_windows", "lag")
    op.drop_column("stream_marks", "reach_us")
    op.drop_column("stream_marks", "reach")
