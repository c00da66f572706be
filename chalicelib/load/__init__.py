"""File or batch ─▶ table: sources, one validator, one writer, and the runs that use them."""
