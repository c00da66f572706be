"""The stage's package bucket: the zips and templates that CloudFormation reads, and what was deployed last."""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from botocore.exceptions import ClientError

from infra.deployment.errors import DeploymentError
from infra.deployment.target import Target


@dataclass(frozen=True)
class PackageBucket:
    """A bucket of the account, made at the first upload: versioned, closed, encrypted and, on AWS, for TLS only."""

    target: Target
    name: str

    def put_file(self, key: str, file: Path) -> str:
        """Upload a file, unless there is one of that key already; give the key. Keys hold digests of their content."""
        s3 = self._made()
        if not self._has(s3, key):
            s3.upload_file(str(file), self.name, key, ExtraArgs=self._ours)
        return key

    def put_template(self, key: str, template: dict[str, Any]) -> str:
        """Upload a template; give the URL by which CloudFormation reads it."""
        s3 = self._made()
        s3.put_object(Bucket=self.name, Key=key, Body=json.dumps(template).encode(), **self._ours)
        return f"{s3.meta.endpoint_url}/{self.name}/{key}"

    def recall(self, stack: str) -> dict[str, str]:
        """Give what was noted of a stack; nothing when nothing was."""
        try:
            found = self.target.client("s3").get_object(Bucket=self.name, Key=_note(stack), **self._ours)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchBucket", "NoSuchKey"):
                return {}
            raise self._foreign(error) from error
        noted: dict[str, str] = json.loads(found["Body"].read())
        return noted

    def note(self, stack: str, noted: dict[str, str]) -> None:
        """Note what was deployed as a stack."""
        body = json.dumps(noted).encode()
        self.target.client("s3").put_object(Bucket=self.name, Key=_note(stack), Body=body, **self._ours)

    @property
    def _ours(self) -> dict[str, str]:
        # Names of buckets are the whole world's: code must not go to, or come from, somebody else's.
        return {"ExpectedBucketOwner": self.target.account}

    def _foreign(self, error: Any) -> Exception:
        """Give an error that is told better than S3 tells it, where it is about whose the bucket is."""
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 403:
            return cast(Exception, error)
        return DeploymentError(
            f"The bucket {self.name} is not yours to use: it is another account's, or your credentials lack s3 actions "
            f"on it ({error})."
        )

    def _made(self) -> Any:
        s3 = self.target.client("s3")
        try:
            s3.head_bucket(Bucket=self.name, **self._ours)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise self._foreign(error) from error
            self._make(s3)
        return s3

    def _make(self, s3: Any) -> None:
        """Make the bucket. What guards it comes before it holds anything; should this be cut short, again from here."""
        with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
            s3.create_bucket(Bucket=self.name, **_place(self.target.region))
        closed = dict.fromkeys(
            ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
        )
        s3.put_public_access_block(Bucket=self.name, PublicAccessBlockConfiguration=closed, **self._ours)
        encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
        s3.put_bucket_encryption(Bucket=self.name, ServerSideEncryptionConfiguration=encryption, **self._ours)
        s3.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": "Enabled"}, **self._ours)
        # A package stays as long as it may be rolled back to; what was overwritten does not.
        rule = {
            "ID": "tidy",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        }
        s3.put_bucket_lifecycle_configuration(Bucket=self.name, LifecycleConfiguration={"Rules": [rule]}, **self._ours)
        if s3.meta.endpoint_url.startswith("https:"):
            s3.put_bucket_policy(Bucket=self.name, Policy=json.dumps(self._policy()), **self._ours)

    def _policy(self) -> dict[str, Any]:
        arn = f"arn:{self.target.session.get_partition_for_region(self.target.region)}:s3:::{self.name}"
        tls_only = {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        return {"Version": "2012-10-17", "Statement": [tls_only]}

    def _has(self, s3: Any, key: str) -> bool:
        try:
            s3.head_object(Bucket=self.name, Key=key, **self._ours)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return False
            raise
        return True


def _note(stack: str) -> str:
    return f"deployed/{stack}.json"


def _place(region: str) -> dict[str, Any]:
    """The bucket's region; us-east-1 must not be named."""
    return {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
