"""File or batch ─▶ table: sources, one validator, one writer, and the runs that use them.

A run, ``loader`` of a file, ``batch`` of JSON rows, goes this way::

    events, routing, options    what arrived, for which table, and how it is to be loaded
    formats                     a file ─▶ its source: ``csv_source``, ``workbook_source``; of a batch ``json_source``
    validation                  source rows ─▶ typed rows and rejected rows, in the words of ``rows``
    choice                      few rows ─▶ ``direct``; many ─▶ ``writer``, by ``staging`` or as a ``first_load``
    settling                    what only all rows together tell: keys that come twice, references among them
    rejections                  the rows that were rejected; what became of the run goes into the ``ledger``

Beside it: ``turns`` lets loads of a table come one after another, and a file wait for those of its parents.
``splitting``, ``parts``, ``split_record`` and
``split_ending`` load a big CSV in parts. ``marked_*`` give rejected rows back as a file, and ``returned`` knows them
when they come again.

The readers: ``csv_records`` and ``utf8_stream`` are those of CSV. Of a workbook, ``workbook_reader`` reads the pieces
that ``workbook_pieces`` cuts from the ``workbook_archive``: markup ─▶ ``workbook_tags`` ─▶ ``workbook_rows`` ─▶
``workbook_cells`` ─▶ text. Markup in another form than the usual one is rewritten first, by ``workbook_markup``.
"""
