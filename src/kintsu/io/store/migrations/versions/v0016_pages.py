"""Pages of tables are read in the order of their age, without sorting all of them."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_index("ix_monitors_tenant_id", "monitors", ["tenant", "id"])


def downgrade() -> None:
    op.drop_index("ix_monitors_tenant_id", "monitors")
