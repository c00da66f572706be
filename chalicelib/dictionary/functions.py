"""The functions of the database that belong to the dictionary's tables, and what the app's role may do with both."""

from __future__ import annotations

from chalicelib.dictionary.first_load_functions import first_load_functions
from chalicelib.dictionary.model import Dictionary
from chalicelib.dictionary.names import quote
from chalicelib.dictionary.publish_function import publish_function, publish_function_name
from chalicelib.dictionary.staging_functions import staging_functions


def functions_and_grants(dictionary: Dictionary, app_role: str) -> list[str]:
    """The statements that make the functions, and give the app's role what it may do and nothing else.

    The owner runs them in one transaction, after every change of the tables. Running them again changes nothing.
    """
    role = quote(app_role)
    # Before it took the staging table as an argument.
    statements = [f"DROP FUNCTION IF EXISTS {publish_function_name(table)}()" for table in dictionary.tables]
    statements += [publish_function(table) for table in dictionary.tables]
    statements += staging_functions(role)
    statements += [
        # A server that was upgraded from Postgres 14 or older lets everybody create there.
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public, decant TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA decant TO {role}",
        f"REVOKE ALL ON decant.migrations FROM {role}",
    ]
    statements += first_load_functions(dictionary, role)
    for table in dictionary.tables:
        statements.append(f"GRANT SELECT, INSERT, UPDATE, DELETE ON public.{quote(table.name)} TO {role}")
        statements.append(f"REVOKE ALL ON FUNCTION {publish_function_name(table)}(regclass) FROM PUBLIC")
        statements.append(f"GRANT EXECUTE ON FUNCTION {publish_function_name(table)}(regclass) TO {role}")
    return statements
