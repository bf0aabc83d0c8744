"""What Alembic runs: the migrations over the connection that the store holds."""

from alembic import context

from kintsu.io.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=False,  # the store's own transaction holds
)
context.run_migrations()
