"""What the server says, as the rest of Decant is told it: what may pass is tried again, and nothing else."""

from __future__ import annotations

import pg8000
import pytest

from chalicelib.errors import DecantError, Unavailable
from chalicelib.postgres.translation import WrongPassword, translated

# https://www.postgresql.org/docs/current/errcodes-appendix.html
PASSES = {
    "08000": "connection_exception",
    "08006": "connection_failure",
    "25006": "read_only_sql_transaction",
    "25P03": "idle_in_transaction_session_timeout",
    "25P04": "transaction_timeout",
    "26000": "invalid_sql_statement_name",
    "40001": "serialization_failure",
    "40003": "statement_completion_unknown",
    "40P01": "deadlock_detected",
    "53100": "disk_full",
    "53200": "out_of_memory",
    "53300": "too_many_connections",
    "55P03": "lock_not_available",
    "57014": "query_canceled",
    "57P01": "admin_shutdown",
    "57P03": "cannot_connect_now",
    "58030": "io_error",
    # What a migration is still to bring.
    "42703": "undefined_column",
    "42883": "undefined_function",
    "42P01": "undefined_table",
}
REFUSED_LOGINS = {"28000": "invalid_authorization_specification", "28P01": "invalid_password"}
STAYS = {
    "": "an error without a state",
    "22P02": "invalid_text_representation",
    "23505": "unique_violation",
    "42501": "insufficient_privilege",
    "42601": "syntax_error",
    "XX000": "internal_error",
}


def told(state: str) -> DecantError:
    """What is raised for an error of the server with this SQLSTATE."""

    def work() -> None:
        raise pg8000.DatabaseError({"C": state, "M": "said by the server"})

    with pytest.raises(DecantError) as caught:
        translated(work)
    return caught.value


@pytest.mark.parametrize("state", PASSES)
def test_what_may_pass_is_worth_another_try(state: str) -> None:
    assert isinstance(told(state), Unavailable)
    assert not isinstance(told(state), WrongPassword)


@pytest.mark.parametrize("state", REFUSED_LOGINS)
def test_a_login_that_is_refused_is_worth_another_password(state: str) -> None:
    assert isinstance(told(state), WrongPassword)


@pytest.mark.parametrize("state", STAYS)
def test_what_stays_is_not_tried_again(state: str) -> None:
    assert not told(state).retryable
