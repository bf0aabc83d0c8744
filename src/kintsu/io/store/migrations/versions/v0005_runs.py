"""Runs of tables that are not watched leave their figures in the history too."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("monitors", sa.Column("kind", sa.String(16), nullable=False, server_default="watched"))


def downgrade() -> None:
    op.drop_column("monitors", "kind")
