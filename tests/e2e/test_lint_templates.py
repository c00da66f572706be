"""`cfn-lint` has nothing to say of any stack's template, as CloudFormation takes it on AWS.

The application's is looked at as SAM expands it: cfn-lint does not know what SAM makes of `${Function.Alias}`.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.deployment.templates import DATABASE, NETWORK
from infra.package import package
from infra.packaging.runtime import Runtime
from infra.ship import CACHE, ROOT

DEPLOY_ROLE = ROOT / "infra" / "github-oidc.yaml"
# A region of each kind: the first, one that came later, and one of another partition.
REGIONS = ("us-east-1", "eu-south-2", "us-gov-west-1")


@pytest.fixture
def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The application's template with what Chalice adds, for AWS's runtime, expanded."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGIONS[0])
    file = tmp_path / "application.json"
    file.write_text(json.dumps(expanded(package(ROOT, "production", CACHE, Runtime.aws()).template)))
    return file


def expanded(template: dict[str, Any]) -> dict[str, Any]:
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": "packages", "Key": "deployment.zip"}
    translated: dict[str, Any] = Translator({}, Parser()).translate(template, {})
    return translated


def test_nothing_to_say_of_any_template(application: Path) -> None:
    files = [str(file) for file in (NETWORK, DATABASE, application, DEPLOY_ROLE)]
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--format", "parseable", "--regions", *REGIONS]
    done = subprocess.run([*command, "--", *files], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
