"""What a table is: the data dictionary, and all that derives from it."""
