"""Secrets Manager: the credentials of the database, and their versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import DecantError, Unavailable


class SecretsManager:
    """See ``rotation.SecretStore``. Takes a client of Secrets Manager; raises Unavailable when it does not answer."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def arn(self, secret: str) -> str:
        """See ``rotation.SecretStore``."""
        return str(self._call("describe_secret", SecretId=secret)["ARN"])

    def stages(self, secret: str) -> Mapping[str, list[str]]:
        """See ``rotation.SecretStore``."""
        described = self._call("describe_secret", SecretId=secret)
        stages: Mapping[str, list[str]] = described["VersionIdsToStages"]
        return stages

    def current(self, secret: str) -> Mapping[str, Any]:
        """See ``rotation.SecretStore``."""
        return _content(self._call("get_secret_value", SecretId=secret, VersionStage="AWSCURRENT"))

    def pending(self, secret: str, version: str) -> Mapping[str, Any] | None:
        """See ``rotation.SecretStore``."""
        try:
            value = self._client.get_secret_value(SecretId=secret, VersionId=version, VersionStage="AWSPENDING")
        except self._client.exceptions.ResourceNotFoundException:
            return None
        except (BotoCoreError, ClientError) as error:
            raise _told(error) from error
        return _content(value)

    def stage(self, secret: str, version: str, content: Mapping[str, Any]) -> None:
        """See ``rotation.SecretStore``."""
        self._call(
            "put_secret_value",
            SecretId=secret,
            ClientRequestToken=version,
            SecretString=json.dumps(dict(content)),
            VersionStages=["AWSPENDING"],
        )

    def promote(self, secret: str, version: str, before: str) -> None:
        """See ``rotation.SecretStore``."""
        self._call(
            "update_secret_version_stage",
            SecretId=secret,
            VersionStage="AWSCURRENT",
            MoveToVersionId=version,
            RemoveFromVersionId=before,
        )

    def _call(self, operation: str, **arguments: Any) -> Any:
        try:
            return getattr(self._client, operation)(**arguments)
        except (BotoCoreError, ClientError) as error:
            raise _told(error) from error


def _content(value: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        content = json.loads(value["SecretString"])
    except (KeyError, ValueError):
        content = None
    if not isinstance(content, dict):  # its text is secret, so it is not told
        raise DecantError("The secret of the database is no JSON object.", hint="Let the stack make it anew.")
    return content


def _told(error: Exception) -> Unavailable:
    return Unavailable(f"The secret of the database can't be reached: {error}.")
