"""Table ─▶ Avro ─▶ table::

    back_up    table ─▶ pages in key order ─▶ Avro in S3, counted and hashed on the way ─▶ manifest, last
    verify     manifest ─▶ file: bytes, hash ─▶ schema, rows, content
    restore    verified file ─▶ staging ─▶ differences ─▶ swap, in one transaction ─▶ the table held against the backup

``codec`` knows Avro, ``pages`` a table's rows in key order, ``content`` the checksum that both sides share,
``manifest`` what makes a file a backup, ``catalogue`` which backups there are; ``schemas``, ``swap`` and ``references``
are the steps of a restore.
"""
