"""Runs are found by their kind: a page of heals, and what people answered, among a million."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_index("ix_runs_kind_n", "runs", ["kind", "n"])


def downgrade() -> None:
    op.drop_index("ix_runs_kind_n", "runs")
