"""Jobs of a state or of a kind are found among a million others."""

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_index("ix_jobs_tenant_state_id", "jobs", ["tenant", "state", "id"])
    op.create_index("ix_jobs_tenant_kind_id", "jobs", ["tenant", "kind", "id"])


def downgrade() -> None:
    op.drop_index("ix_jobs_tenant_kind_id", "jobs")
    op.drop_index("ix_jobs_tenant_state_id", "jobs")
