"""Values and files in the database, for machines that share one."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "blobs",
        sa.Column("room", sa.String(8), primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("touched_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "pieces",
        sa.Column("room", sa.String(8), primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("n", sa.Integer, primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["room", "digest"], ["blobs.room", "blobs.digest"], ondelete="CASCADE"),
    )
    op.create_table(
        "files",
        sa.Column("path", sa.String(1024), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
    )


def downgrade() -> None:
    for table in ("files", "pieces", "blobs"):
        op.drop_table(table)
