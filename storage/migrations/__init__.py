"""How the tables came to be: Alembic scripts, run when a database is opened."""
