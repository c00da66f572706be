"""The package that is deployed: complete, reproducible, within Lambda's limits, with every handler in app.py.

The package for the interpreter at hand is run with nothing but what Lambda has; those for AWS are looked at.
"""

import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import urllib.request
import uuid
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from chalicelib.access.principal import Scope
from infra.deployment import target as deployment
from infra.local.record import LOCAL_STACK, Record
from infra.local.stack import STAGE
from infra.package import Package, package
from infra.packaging import dependencies
from infra.packaging.archive import unpacked_size
from infra.packaging.runtime import Runtime
from infra.packaging.snapstart import with_snapstart
from infra.packaging.supplied import LAYER, LAYER_BYTES, UNPACKED_BYTES, ZIP_BYTES
from infra.ship import report, ship
from infra.tokens import Tokens
from tests.conftest import connect_url

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".local" / "packages"
RUNTIME = Path(__file__).with_name("runtime")
RUNTIMES = [Runtime.aws("3.12"), Runtime.aws("3.13"), Runtime.aws("3.13", "arm64")]
AWS = RUNTIMES[1]
ELF_MACHINES = {"x86_64": 0x3E, "arm64": 0xB7}


@pytest.fixture(scope="session")
def packaged() -> Package:
    """The package for the interpreter at hand, as `make up` deploys it."""
    return package(ROOT, STAGE, CACHE)


@pytest.fixture(scope="session", params=RUNTIMES, ids=lambda runtime: f"{runtime.name}-{runtime.architecture}")
def runtime(request: pytest.FixtureRequest) -> Runtime:
    given: Runtime = request.param
    return given


@pytest.fixture(scope="session")
def for_aws(runtime: Runtime) -> Package:
    return package(ROOT, "production", CACHE, runtime)


def functions(packaged: Package) -> dict[str, dict[str, Any]]:
    return {
        name: resource["Properties"]
        for name, resource in packaged.template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def test_every_handler_is_in_app(packaged: Package) -> None:
    handlers = {name: function["Handler"] for name, function in functions(packaged).items()}
    assert handlers["APIHandler"] == "app.app"
    assert handlers["Worker"] == "app.worker"
    assert all(handler.startswith("app.") for handler in handlers.values())


def test_every_function_has_a_role_of_the_template(packaged: Package) -> None:
    for function in functions(packaged).values():
        resource, attribute = function["Role"]["Fn::GetAtt"]
        assert packaged.template["Resources"][resource]["Type"] == "AWS::IAM::Role"
        assert attribute == "Arn"


def test_sizes_and_times(packaged: Package) -> None:
    api, worker = functions(packaged)["APIHandler"], functions(packaged)["Worker"]
    assert (api["Timeout"], api["MemorySize"]) == ({"Ref": "ApiTimeout"}, {"Ref": "ApiMemory"})
    assert (worker["Timeout"], worker["MemorySize"]) == ({"Ref": "WorkerTimeout"}, {"Ref": "WorkerMemory"})
    for name, function in (("Api", api), ("Worker", worker)):
        assert function["ReservedConcurrentExecutions"] == {
            "Fn::If": [f"{name}Reserved", {"Ref": f"{name}Concurrency"}, {"Ref": "AWS::NoValue"}]
        }
    [source] = worker["Events"].values()
    assert source["Properties"]["Queue"] == {"Fn::Sub": "${WorkQueue.Arn}"}
    assert source["Properties"]["BatchSize"] == 1
    assert source["Properties"]["ScalingConfig"]["MaximumConcurrency"] >= 2
    assert "FunctionResponseTypes" not in source["Properties"]


def test_every_reference_of_the_template_resolves(packaged: Package) -> None:
    known = {"RestAPI.Stage", *packaged.template["Resources"], *packaged.template["Parameters"]}
    unknown = {name for name in references(packaged.template) if not name.startswith("AWS::")} - known
    assert unknown == set()


def references(node: Any) -> Iterator[str]:
    """Yield the logical names that a template refers to."""
    if isinstance(node, list):
        for item in node:
            yield from references(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "Ref":
                yield value
            elif key == "Fn::GetAtt":
                yield value[0]
            elif key == "Fn::Sub":
                text, given = (value, {}) if isinstance(value, str) else value
                yield from (set(re.findall(r"\$\{([A-Za-z0-9:]+)", text)) - set(given))
                yield from references(given)
            else:
                yield from references(value)


def test_the_zip_holds_the_application_and_nothing_of_the_workshop(packaged: Package) -> None:
    with zipfile.ZipFile(packaged.archive) as archive:
        names = archive.namelist()
    shipped = {"app.py", "chalicelib/dictionary/datapackage.json", "chalicelib/migrations/own/0001-ledger.sql"}
    assert shipped <= set(names)
    tops = {name.split("/")[0] for name in names}
    assert tops.isdisjoint({"infra", "tests", "sample_data", "bench", "docs", "bin", ".chalice", "vendor"})
    assert tops.isdisjoint({"pandas", "pyarrow", "numpy", "awswrangler", "boto3", "botocore"})
    assert not [name for name in names if name.endswith((".pyc", "RECORD", "direct_url.json", "INSTALLER"))]


class TestForAws:
    """The package for a Lambda runtime that may be another than the interpreter at hand."""

    def test_it_fits_lambda_beside_the_layer(self, for_aws: Package) -> None:
        assert for_aws.archive.stat().st_size < ZIP_BYTES
        assert unpacked_size(for_aws.archive) + LAYER_BYTES < UNPACKED_BYTES

    def test_its_functions_are_for_the_runtime(self, for_aws: Package, runtime: Runtime) -> None:
        for function in functions(for_aws).values():
            assert function["Runtime"] == runtime.name
            assert function["Architectures"] == [runtime.architecture]

    def test_its_binaries_are_for_the_runtime(self, for_aws: Package, runtime: Runtime) -> None:
        with zipfile.ZipFile(for_aws.archive) as archive:
            binaries = {name: archive.read(name)[:20] for name in archive.namelist() if name.endswith(".so")}
        assert {name.split("/")[0] for name in binaries} >= {"fastavro"}
        for name, header in binaries.items():
            assert header[:4] == b"\x7fELF", name
            assert struct.unpack_from("<H", header, 18)[0] == ELF_MACHINES[runtime.architecture], name
            versioned = re.search(r"\.cpython-(\d+)-", name)
            assert versioned is None or versioned[1] == runtime.python.replace(".", ""), name

    def test_its_api_is_called_by_the_alias_that_starts_from_a_snapshot(self, for_aws: Package) -> None:
        api = functions(for_aws)["APIHandler"]
        assert api["AutoPublishAlias"] == "live"
        assert api["SnapStart"] == {"ApplyOn": {"Ref": "ApiSnapStart"}}
        definition = for_aws.template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
        assert "${APIHandlerAliaslive}" in str(definition)
        assert "${APIHandler.Arn}" not in str(definition)


def test_the_same_sources_give_the_same_package(tmp_path: Path) -> None:
    checkout = tmp_path / "another" / "checkout"
    for part in ("chalicelib", ".chalice"):
        shutil.copytree(ROOT / part, checkout / part, ignore=shutil.ignore_patterns("__pycache__", "deployments"))
    for part in ("app.py", "requirements.lock", "pyproject.toml"):
        shutil.copyfile(ROOT / part, checkout / part)
    here = ship(ROOT, CACHE, tmp_path / "here", "production", AWS)
    there = ship(checkout, tmp_path / "cache", tmp_path / "there", "production", AWS)
    print(*report(there), sep="\n")
    assert [hashlib.sha256(file.read_bytes()).hexdigest() for file in here] == [
        hashlib.sha256(file.read_bytes()).hexdigest() for file in there
    ]


def test_the_bill_of_materials_names_what_ships(tmp_path: Path) -> None:
    archive, _, bill = ship(ROOT, CACHE, tmp_path, "production", AWS)
    components = {each["name"]: each["version"] for each in json.loads(bill.read_text())["components"]}
    with zipfile.ZipFile(archive) as opened:
        found = (re.match(r"([^/]+)-([^-/]+)\.dist-info/", name) for name in opened.namelist())
        shipped = {match[1].replace("_", "-"): match[2] for match in found if match}
    assert components == {**shipped, "chalice": distribution("chalice").version}


@pytest.fixture(scope="module")
def lambda_path(packaged: Package, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("lambda")
    with zipfile.ZipFile(packaged.archive) as archive:
        archive.extractall(folder / "task")
    link_distributions(folder / "layer")
    dependencies.install(RUNTIME / "requirements.txt", Runtime.here(), folder / "runtime")
    return [folder / "task", folder / "layer", folder / "runtime"]


@pytest.fixture(scope="module")
def ids() -> list[int]:
    first = 1_000_000 + uuid.uuid4().int % 1_000_000_000
    return [first, first + 1]


@pytest.fixture(scope="module")
def outcome(lambda_path: list[Path], stack: Record, ids: list[int], tmp_path_factory: Any) -> dict[str, Any]:
    book, file = Workbook(), tmp_path_factory.mktemp("workbook") / "jobs.xlsx"
    for number in ids:
        book.active.append([number, f"Job {number}"])
    book.save(file)
    key = f"jobs/{ids[0]}.xlsx"  # outside of incoming/, so that no deployed worker is told of it
    stack.client("s3").upload_file(str(file), stack.intake_bucket, key)
    given = {"path": [str(each) for each in lambda_path], "request": request("/tables"), "work": work(stack, key)}
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(RUNTIME / "invoke.py")],
        input=json.dumps(given),
        env={"PATH": os.defpath, **stack.variables()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return outcome


class TestWithWhatLambdaHas:
    """The package, the layer's packages and an old SDK of the runtime: nothing else can be imported."""

    def test_the_api_answers(self, outcome: dict[str, Any]) -> None:
        answer = outcome["answer"]
        assert answer["statusCode"] in (200, 401), answer
        assert isinstance(json.loads(answer["body"]), dict)

    def test_the_worker_loads_a_workbook(self, outcome: dict[str, Any], stack: Record, ids: list[int]) -> None:
        assert outcome
        connection = connect_url(stack.app_database_url)
        try:
            rows = connection.run("SELECT id FROM jobs WHERE id = ANY(:ids) ORDER BY id", ids=ids)
        finally:
            connection.close()
        assert [number for (number,) in rows] == ids

    def test_everything_came_from_where_lambda_has_it(self, outcome: dict[str, Any], lambda_path: list[Path]) -> None:
        origins = {name: Path(origin) for name, origin in outcome["origins"].items()}
        task, _, runtime = lambda_path
        for name in ("app", "chalice", "pynamodb", "fastavro"):
            assert task in origins[name].parents, name
        for name in ("boto3", "botocore", "s3transfer", "urllib3"):
            assert runtime in origins[name].parents, name
        assert {"awswrangler", "pyarrow", "pg8000"} <= origins.keys()


def test_an_api_that_calls_the_alias_answers(stack: Record, packaged: Package) -> None:
    # Of the snapshot itself an emulator knows nothing: what is shown is that the redirected API reaches the function.
    formation, functions, s3 = (stack.client(service) for service in ("cloudformation", "lambda", "s3"))
    [deployed] = formation.describe_stacks(StackName=LOCAL_STACK)["Stacks"]
    given = [each for each in deployed["Parameters"] if each["ParameterKey"] not in ("Stage", "DatabaseTls")]
    bucket, aliased = "decant-alias-packages", with_snapstart(packaged.template)
    for resource in aliased["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": "zip"}
    s3.create_bucket(Bucket=bucket)
    s3.upload_file(str(packaged.archive), bucket, "zip")
    s3.put_object(Bucket=bucket, Key="template", Body=json.dumps(aliased).encode())
    try:
        formation.create_stack(
            StackName="decant-alias",
            TemplateURL=f"{stack.endpoint_url}/{bucket}/template",
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[
                *given,
                {"ParameterKey": "Stage", "ParameterValue": "alias"},
                {"ParameterKey": "DatabaseTls", "ParameterValue": "verify-full"},  # only a stage local may do without
                {"ParameterKey": "ApiSnapStart", "ParameterValue": "None"},
            ],
        )
        formation.get_waiter("stack_create_complete").wait(StackName="decant-alias", WaiterConfig={"Delay": 1})
        [made] = formation.describe_stacks(StackName="decant-alias")["Stacks"]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in made["Outputs"]}
        url = f"{stack.endpoint_url}/_aws/execute-api/{outputs['RestAPIId']}/api/openapi.json"
        where = deployment.Target(stack.session(), stack.endpoint_url)
        token = Tokens.of_stage("alias", where).make("test", [Scope.READ])
        asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
        assert urllib.request.urlopen(asked, timeout=60).status == 200
        alias = functions.get_alias(FunctionName=outputs["APIHandlerName"], Name="live")
        assert alias["FunctionVersion"] == "1"
    finally:
        formation.delete_stack(StackName="decant-alias")


def link_distributions(folder: Path) -> None:
    """Fill a folder with links to what the layer has, taken from the project's environment."""
    folder.mkdir()
    for name in sorted(LAYER):
        found = distribution(name)
        for top in {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}:
            (folder / top).symlink_to(Path(str(found.locate_file(top))))


def request(path: str) -> dict[str, Any]:
    """A GET as API Gateway passes it on."""
    return {
        "requestContext": {"httpMethod": "GET", "resourcePath": path, "path": path, "identity": {}, "stage": "api"},
        "headers": {"accept": "application/json"},
        "multiValueHeaders": {"accept": ["application/json"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
    }


def work(stack: Record, key: str) -> dict[str, Any]:
    """The arrival of a file as SQS passes it on."""
    version = stack.client("s3").head_object(Bucket=stack.intake_bucket, Key=key)
    arrived = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": "2026-01-02T03:04:05.000Z",
        "s3": {
            "bucket": {"name": stack.intake_bucket},
            "object": {
                "key": key,
                "size": version["ContentLength"],
                "eTag": version["ETag"].strip('"'),
                "versionId": version["VersionId"],
                "sequencer": "0055AED6DCD90281E5",
            },
        },
    }
    record = {
        "messageId": str(uuid.uuid4()),
        "receiptHandle": "none",
        "body": json.dumps({"Records": [arrived]}),
        "attributes": {"ApproximateReceiveCount": "1"},
    }
    return {"Records": [record]}
