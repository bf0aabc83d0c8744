"""Tables are found by their age and by the name that people know them by, without looking at all of them."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
_PLAIN = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("monitors", sa.Column("folded", _PLAIN, nullable=False, server_default=""))
    names = ("id", "kind", "name", "settings", "folded")
    monitors = sa.table("monitors", *map(sa.column, names))
    rows = op.get_bind().execute(sa.select(monitors)).all()
    shown = [(row.id, row.name if row.kind == "watched" else json.loads(row.settings)["table"]) for row in rows]
    fresh = [{"of": place, "told": name.casefold()} for place, name in shown]
    if fresh:
        change = monitors.update().where(monitors.c.id == sa.bindparam("of")).values(folded=sa.bindparam("told"))
        op.get_bind().execute(change, fresh)
    op.create_index("ix_monitors_tenant_id", "monitors", ["tenant", "id"])
    op.create_index("ix_monitors_tenant_folded_id", "monitors", ["tenant", "folded", "id"])


def downgrade() -> None:
    op.drop_index("ix_monitors_tenant_folded_id", "monitors")
    op.drop_index("ix_monitors_tenant_id", "monitors")
    op.drop_column("monitors", "folded")
