"""Decant pours spreadsheets into a constrained Postgres, on serverless AWS parts.

The flows, each arrow a module::

    file in S3 ─▶ source rows ─▶ valid rows + rejections ─▶ staging ─▶ table      load/
    JSON batch ─▶ source rows ─▶ valid rows + rejections ─▶ staging ─▶ table      load/
    table ─▶ Avro + manifest in S3 ─▶ verified rows ─▶ staging ─▶ swap            backup/

``dictionary/`` says what a table is; ``postgres``, ``storage``, ``queue`` and ``catalog`` are the adapters at the edge;
``wiring`` puts them together; ``api/`` and the event functions of ``app.py`` call the flows.

The database itself is changed by ``migrations/``, ``roles`` and ``rotation``, as other roles than the app's; their
functions are wired by ``administration``.

Import rule: ``app, api → wiring → flows → dictionary, errors``. Adapters are reached through ``wiring`` alone.
"""
