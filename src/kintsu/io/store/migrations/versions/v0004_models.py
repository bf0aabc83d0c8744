"""Versions of trained models, and which of them was live when."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "models",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.UniqueConstraint("tenant", "name", "version"),
    )
    live = sa.text("stage = 'live'")
    op.create_index(
        "ix_models_live", "models", ["tenant", "name"], unique=True, sqlite_where=live, postgresql_where=live
    )
    op.create_table(
        "promotions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("before", sa.Integer),
        sa.Column("stage", sa.String(16)),
        sa.Column("undoes", sa.Integer),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("by", sa.String(255), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_index("ix_promotions_tenant_name", "promotions", ["tenant", "name"])


def downgrade() -> None:
    for table in ("promotions", "models"):
        op.drop_table(table)
