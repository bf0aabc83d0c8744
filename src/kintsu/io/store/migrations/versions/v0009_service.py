"""What the service keeps: keys, the trail of writes, uploads, jobs, events; and runs that are found by their table."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("runs", sa.Column("kind", sa.String(16), nullable=False, server_default=""))
    op.add_column("runs", sa.Column("name", sa.Text, nullable=False, server_default=""))
    payload = (
        "SELECT payload::json ->> '{}' FROM entries WHERE entries.n = runs.n"
        if op.get_bind().dialect.name == "postgresql"
        else "SELECT json_extract(payload, '$.{}') FROM entries WHERE entries.n = runs.n"
    )
    op.execute(f"UPDATE runs SET kind = ({payload.format('kind')}), name = ({payload.format('table')})")
    op.create_index("ix_runs_name_n", "runs", ["name", "n"])
    op.create_index("ix_runs_status", "runs", ["status"])
    op.create_index("ix_entries_kind", "entries", ["kind"])
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("expires_at", sa.String(32)),
        sa.Column("revoked_at", sa.String(32)),
        sa.Column("used_at", sa.String(32)),
    )
    op.create_index("ix_api_keys_tenant", "api_keys", ["tenant"])
    op.create_table(
        "audit",
        sa.Column("id", _BIG, primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("who", sa.String(255), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("action", sa.String(512), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("request", sa.String(64), nullable=False),
    )
    op.create_index("ix_audit_tenant_id", "audit", ["tenant", "id"])
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
    )
    op.create_index("ix_uploads_tenant_created_at", "uploads", ["tenant", "created_at"])
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("arguments", sa.Text, nullable=False),
        sa.Column("key", sa.String(255)),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("due_us", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.String(32)),
        sa.Column("ended_at", sa.String(32)),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("worker", sa.String(255)),
        sa.Column("lease_us", sa.BigInteger),
        sa.Column("stage", sa.String(255), nullable=False),
        sa.Column("progress", sa.Float, nullable=False),
        sa.Column("cancels", sa.Boolean, nullable=False),
        sa.Column("run", sa.String(64)),
        sa.Column("result", sa.Text),
        sa.Column("problem", sa.Text),
        sa.UniqueConstraint("tenant", "key"),
    )
    op.create_index("ix_jobs_state_due_us", "jobs", ["state", "due_us"])
    op.create_index("ix_jobs_tenant_id", "jobs", ["tenant", "id"])
    op.create_table(
        "events",
        sa.Column("id", _BIG, primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("ix_events_tenant_id", "events", ["tenant", "id"])


def downgrade() -> None:
    for table in ("events", "jobs", "uploads", "audit", "api_keys"):
        op.drop_table(table)
    op.drop_index("ix_entries_kind", "entries")
    op.drop_index("ix_runs_status", "runs")
    op.drop_index("ix_runs_name_n", "runs")
    for column in ("name", "kind"):
        op.drop_column("runs", column)
