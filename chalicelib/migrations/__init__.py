"""How the database's tables follow the dictionary and the code, forward only, while loads and readers go on.

``plan`` is pure: two dictionaries in, statements or a refusal out. ``own`` reads Decant's own numbered SQL, ``history``
what the database has had, ``apply`` runs what is pending and records it. ``chalicelib.migrator`` calls them.
"""
