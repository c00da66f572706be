"""Where to deploy: an AWS account, or an emulator of one."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from infra.deployment.errors import DeploymentError

_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


@dataclass(frozen=True)
class Target:
    """A session of who deploys; `endpoint_url` names an emulator, unless the session's own configuration does."""

    session: boto3.Session
    endpoint_url: str | None = None

    @classmethod
    def from_environment(cls) -> "Target":
        """Take credentials, region and endpoint as every AWS tool does. Raises DeploymentError where one is missing."""
        session = boto3.Session(region_name=os.environ.get("AWS_REGION"))  # which boto3 does not read by itself
        if session.region_name is None:
            raise DeploymentError("No AWS region is chosen. Set AWS_REGION, or a profile that has one (AWS_PROFILE).")
        if session.get_credentials() is None:
            raise DeploymentError(
                "No AWS credentials are at hand. Log in (`aws sso login`) and name the profile (AWS_PROFILE), or set "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            )
        return cls(session)

    def client(self, service: str) -> Any:
        """Give a client of an AWS service."""
        config = Config(retries={"mode": "standard", "total_max_attempts": 8})
        return self.session.client(service, endpoint_url=self.endpoint_url, config=config)

    def connection(self) -> dict[str, str]:
        """Give what PynamoDB must be told to use this session and endpoint."""
        credentials = self.session.get_credentials().get_frozen_credentials()
        given = {
            "aws_access_key_id": credentials.access_key,
            "aws_secret_access_key": credentials.secret_key,
            "aws_session_token": credentials.token,
            "host": self.endpoint_url,
        }
        return {name: value for name, value in given.items() if value is not None}

    @property
    def region(self) -> str:
        """The region of the session."""
        return str(self.session.region_name)

    @property
    def account(self) -> str:
        """The account's id."""
        return self._identity["Account"]

    @property
    def caller(self) -> str:
        """The ARN of who deploys."""
        return self._identity["Arn"]

    @cached_property
    def _identity(self) -> dict[str, str]:
        identity: dict[str, str] = self.client("sts").get_caller_identity()
        return identity

    @cached_property
    def emulated(self) -> bool:
        """Whether this is an emulator, not AWS."""
        return not (urlsplit(self._endpoint).hostname or "").endswith(_AWS)

    @property
    def _endpoint(self) -> str:
        return str(self.client("cloudformation").meta.endpoint_url)

    def api_url(self, outputs: Mapping[str, str]) -> str:
        """Give the URL of the API that a stack with these outputs has, without a slash at its end."""
        if self.emulated:
            return f"{self._endpoint}/_aws/execute-api/{outputs['RestAPIId']}/api"
        return outputs["EndpointURL"].rstrip("/")

    def __str__(self) -> str:
        """Tell a person where this is."""
        place = f"account {self.account}, {self.region}"
        return f"{place}, emulated at {self._endpoint}" if self.emulated else place
