"""What S3 and its SDK raise, in our words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from chalicelib.aws_errors import code_of, is_transient
from chalicelib.errors import DecantError, NotFound, Unavailable

Result = TypeVar("Result")

# 405 is what S3 answers for a version that is a delete marker.
_MISSING = {"NoSuchKey", "NoSuchVersion", "NotFound", "404", "405", "MethodNotAllowed"}
_DENIED = {"AccessDenied", "AccountProblem", "AllAccessDisabled", "Forbidden", "403"}


def s3_errors(call: Callable[..., Result], where: str, right: str, **arguments: Any) -> Result:
    """Call the SDK, turning its errors into ours. ``right`` is the IAM action that the call takes."""
    try:
        return call(**arguments)
    except ClientError as error:
        raise _client_error(error, where, right) from error
    except (BotoConnectionError, HTTPClientError, IncompleteReadError, FlexibleChecksumError, OSError) as error:
        raise Unavailable(f"The connection to S3 broke at {where}.", hint="Try again in a moment.") from error
    except BotoCoreError as error:
        raise DecantError(f"S3 can't be asked for {where}: {error}") from error


def _client_error(error: ClientError, where: str, right: str) -> DecantError:
    code = code_of(error)
    if code == "NoSuchBucket":
        return DecantError(f"There is no bucket for {where}.", hint="Deploy the stack, or correct the bucket's name.")
    if code in _MISSING:
        return NotFound(f"There is no {where}.")
    if code in _DENIED:
        return DecantError(
            f"S3 denied access to {where}.",
            hint=f"Grant {right} on it to the function's role, and look for a bucket policy that denies it. "
            "A bucket of another account is denied as well.",
        )
    if is_transient(error):
        return Unavailable(f"S3 is busy ({code}) at {where}.", hint="Try again in a moment.")
    message = error.response.get("Error", {}).get("Message", "")
    return DecantError(f"S3 refused a request for {where}: {message} ({code}).")
