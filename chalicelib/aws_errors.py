"""Which errors of AWS pass. What is transient and what is not stands here alone, for S3, SQS and DynamoDB alike."""

from __future__ import annotations

from botocore.exceptions import ClientError

# Beside every answer 429 and 5xx. Those of clocks and credentials pass with the environment that has them: the next
# try may have another. NoSuchUpload is what a repeated end of an upload meets whose first answer was lost.
_TRANSIENT = frozenset({
    "BandwidthLimitExceeded",
    "ConditionalRequestConflict",
    "ExpiredToken",
    "ExpiredTokenException",
    "InternalServerError",
    "KMS.ThrottlingException",
    "KmsThrottled",
    "LimitExceededException",
    "NoSuchUpload",
    "OperationAborted",
    "OverLimit",
    "ProvisionedThroughputExceededException",
    "RequestExpired",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestTimeTooSkewed",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TransactionInProgressException",
})  # fmt: skip


def code_of(error: ClientError) -> str:
    """What an answer calls its error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_transient(error: ClientError) -> bool:
    """Whether the same request may succeed later."""
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return status == 429 or status >= 500 or code_of(error) in _TRANSIENT or code_of(error) == "429"
