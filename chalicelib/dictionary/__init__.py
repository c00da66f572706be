"""What a table is: the data dictionary, and all that derives from it.

``package`` reads ``datapackage.json`` into the ``model``, whose columns have the types of ``datatypes/``. From these
come ``avro``, ``json_schema`` and the SQL: ``ddl`` makes the tables, ``functions`` what the app's role may call
(``publish_function``, ``first_load_functions``, ``staging_functions``), ``rollup`` the counts beside a table. Names and
literals in SQL are quoted by ``names``, rows of two relations compared by ``comparing``.
"""
