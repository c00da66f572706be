"""Decant pours spreadsheets into a constrained Postgres, on serverless AWS parts.

The flows, each arrow a module::

    file in S3 ─▶ source rows ─▶ valid rows + rejections ─▶ staging ─▶ table      load/
    JSON batch ─▶ source rows ─▶ valid rows + rejections ─▶ table                 load/
    table ─▶ Avro + manifest in S3 ─▶ verified rows ─▶ staging ─▶ swap            backup/
    table ─▶ named aggregates                                                     metrics/

``dictionary/`` says what a table is, ``ports/`` what the flows need from outside, ``errors`` what can go wrong.
``ledger`` has what became of each run, in the transaction that did its work.

Around them::

    api/        a request ─▶ one call ─▶ an answer; who may make it is for ``access/`` to say
    console/    the web console: files that the API gives to browsers
    work/       a message of the queue ─▶ a flow ─▶ what callers are told of the run; ``worker`` takes the messages
    audit/      who did what: entries in chains, and the anchors that they are held against
    telemetry/  what operators see: lines and metrics, without tokens, secrets or cells

The adapters at the edge are ``postgres/``, ``storage/``, ``queue``, and ``catalog``, ``token_store`` and ``audit_log``
over ``dynamo``; ``aws_errors`` says which errors of AWS pass. ``wiring`` puts them together; the event functions of
``app.py`` and the API call the flows with them.

The database itself is changed by ``migrations/``, ``roles`` and ``rotation``, as other roles than the app's. What their
functions need is wired by ``administration``, with ``secret_store``.

Import rule: ``app, api, work → wiring → flows → dictionary, errors``. Adapters are reached through ``wiring`` alone.
"""
