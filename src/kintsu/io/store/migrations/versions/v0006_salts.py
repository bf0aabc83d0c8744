"""A secret of each tenant, with which values of sensitive columns are hashed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "salts",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("salt", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("salts")
