"""Several clients at one database at the same time, held against a simple model: see ``model`` and ``history``."""
