"""Named aggregates over the tables: one .sql file each, its parameters and columns described beside it."""
