"""What is counted of a stream as a whole: a list of streams does not add up all their windows."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
COUNTS = ("events", "passed", "healed", "quarantined", "held", "changes", "late_ms")
OF_WINDOWS = "UPDATE streams SET {} = (SELECT {} FROM stream_windows AS w WHERE w.stream = streams.id)"


def upgrade() -> None:
    for name in COUNTS:
        op.add_column("streams", sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
        op.execute(OF_WINDOWS.format(name, f"coalesce(sum(w.{name}), 0)"))
    op.add_column("streams", sa.Column("last_us", sa.BigInteger))
    op.execute(OF_WINDOWS.format("last_us", "max(w.at_us)"))


def downgrade() -> None:
    for name in (*COUNTS, "last_us"):
        op.drop_column("streams", name)
