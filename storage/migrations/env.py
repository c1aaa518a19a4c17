"""Alembic's entry: runs the scripts on the connection that `storage.database` hands over."""

from alembic import context

from storage.tables import Table

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Table.metadata,
)
with context.begin_transaction():
    context.run_migrations()
