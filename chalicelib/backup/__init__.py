"""Table ─▶ Avro ─▶ table::

    back_up    table ─▶ parts ─▶ pages in key order ─▶ Avro in S3, counted and hashed on the way ─▶ manifest, last
    verify     manifest ─▶ files: bytes, hash ─▶ schema, rows, content
    restore    verified files ─▶ staging ─▶ differences ─▶ swap, in one transaction ─▶ the table held against the backup

``codec`` knows Avro, ``pages`` a table's rows in key order, ``ranges`` where it is cut, ``sharing`` how workers share
the work, ``content`` the checksum that both sides share, ``manifest`` what makes files a backup, ``catalogue`` which
backups there are; ``schemas``, ``swap`` and ``references`` are the steps of a restore.
"""
