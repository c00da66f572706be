"""The package that is deployed: complete, with every handler in app.py, and the template's own roles and sizes."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.stack import STAGE
from infra.package import Package, package

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def packaged() -> Package:
    return package(ROOT, STAGE, ROOT / ".local" / "packages")


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
    assert (api["Timeout"], api["MemorySize"]) == (29, 1024)
    assert (worker["Timeout"], worker["MemorySize"]) == ({"Ref": "WorkerTimeout"}, 2048)
    [source] = worker["Events"].values()
    assert source["Properties"]["Queue"] == {"Fn::Sub": "${WorkQueue.Arn}"}
    assert source["Properties"]["BatchSize"] == 1
    assert source["Properties"]["ScalingConfig"]["MaximumConcurrency"] >= 2
    assert "FunctionResponseTypes" not in source["Properties"]


def test_every_reference_of_the_template_resolves(packaged: Package) -> None:
    known = {*packaged.template["Resources"], *packaged.template["Parameters"]}
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
    assert {"app.py", "chalicelib/dictionary/datapackage.json", "chalicelib/dictionary/ledger.sql"} <= set(names)
    tops = {name.split("/")[0] for name in names}
    assert tops.isdisjoint({"infra", "tests", "sample_data", "bench", "docs", ".chalice", "pandas", "pyarrow"})
    assert not [name for name in names if name.endswith(".pyc")]


def test_it_fits_lambda_beside_the_layer(packaged: Package) -> None:
    # 250 MiB unpacked in all, of which the AWSSDKPandas layer takes up to 204 MB; Chalice refuses a zip of 50 MiB.
    with zipfile.ZipFile(packaged.archive) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    assert unpacked <= 250 * 2**20 - 204_000_000
    assert packaged.archive.stat().st_size < 50 * 2**20
