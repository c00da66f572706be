"""What only the laptop's server needs: the master that RDS would come with, and its secret."""

import json
import secrets
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pg8000.dbapi
from botocore.exceptions import ClientError

from infra.local.embedded_postgres import EmbeddedPostgres

DATABASE = "decant"
MASTER = "decant_master"


@dataclass(frozen=True)
class Passwords:
    """The password of the server's master."""

    master: str

    @classmethod
    def kept_in(cls, file: Path) -> "Passwords":
        """Give the password in `file`, making it at first."""
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(json.dumps(asdict(cls(secrets.token_urlsafe(24)))))
        return cls(**json.loads(file.read_text()))


def make_master(server: EmbeddedPostgres, password: str) -> None:
    """Make the master as on RDS: no superuser, makes roles and databases, and owns the maintenance database."""
    connection = pg8000.dbapi.connect(
        user=server.superuser,
        password=server.superuser_password,
        host=server.host,
        port=server.port,
        database="postgres",
    )
    connection.autocommit = True
    with closing(connection), closing(connection.cursor()) as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (MASTER,))
        verb = "ALTER" if cursor.fetchall() else "CREATE"
        # The password is made here, of letters, digits, - and _.
        cursor.execute(f"{verb} ROLE {MASTER} LOGIN CREATEROLE CREATEDB PASSWORD '{password}'")
        cursor.execute(f"ALTER DATABASE postgres OWNER TO {MASTER}")


def master_secret(client: Any, name: str, password: str) -> str:
    """Keep the master's secret in Secrets Manager, in the form in which RDS manages it; give its ARN."""
    content = json.dumps({"username": MASTER, "password": password})
    try:
        arn: str = client.describe_secret(SecretId=name)["ARN"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return str(client.create_secret(Name=name, SecretString=content)["ARN"])
    if client.get_secret_value(SecretId=arn)["SecretString"] != content:
        client.put_secret_value(SecretId=arn, SecretString=content)
    return arn
