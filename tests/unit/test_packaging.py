"""What a package is made of: its fingerprint, the zip, the dependencies, the targets, SnapStart, the limits."""

import copy
import os
import subprocess
import time
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest

from infra import package
from infra.packaging import dependencies, snapstart
from infra.packaging.archive import unpacked_size, write_archive
from infra.packaging.errors import PackagingError
from infra.packaging.runtime import Runtime
from infra.packaging.snapstart import with_snapstart, with_version
from infra.ship import check_sizes

HERE = Runtime.here()


class TestFingerprint:
    @pytest.fixture
    def sources(self, tmp_path: Path) -> Path:
        for name in ("app.py", "requirements.lock", "chalicelib/a.sql", ".chalice/config.json", "README.md"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(name)
        return tmp_path

    @pytest.mark.parametrize("name", ["app.py", "requirements.lock", "chalicelib/a.sql", "chalicelib/new/b.py"])
    def test_what_ships_makes_another_package(self, sources: Path, name: str) -> None:
        before = package.fingerprint(sources, "local", HERE)
        (sources / name).parent.mkdir(exist_ok=True)
        (sources / name).write_text("changed")
        assert package.fingerprint(sources, "local", HERE) != before

    @pytest.mark.parametrize(
        "name",
        [
            "README.md",
            "chalicelib/__pycache__/a.pyc",
            "chalicelib/console/source/main.js",
            ".chalice/deployments/x.zip",
        ],
    )
    def test_what_does_not_ship_does_not(self, sources: Path, name: str) -> None:
        before = package.fingerprint(sources, "local", HERE)
        (sources / name).parent.mkdir(parents=True, exist_ok=True)
        (sources / name).write_text("changed")
        assert package.fingerprint(sources, "local", HERE) == before

    def test_stage_target_and_variables_make_packages_of_their_own(self, sources: Path) -> None:
        made: list[tuple[str, Runtime, Mapping[str, str]]] = [
            ("local", HERE, {}),
            ("production", HERE, {}),
            ("production", Runtime.aws("3.13"), {}),
            ("production", Runtime.aws("3.12"), {}),
            ("production", Runtime.aws("3.12", "arm64"), {}),
            ("production", Runtime.aws("3.12", "arm64"), {"DECANT_AUTHORIZER": "iam"}),
        ]
        assert len({package.fingerprint(sources, *each) for each in made}) == len(made)

    @pytest.mark.parametrize(("status", "said"), [(0, "Could not install dependencies:\nnumpy"), (1, "No region")])
    def test_an_incomplete_package_is_an_error(
        self, sources: Path, monkeypatch: pytest.MonkeyPatch, status: int, said: str
    ) -> None:
        done = subprocess.CompletedProcess[str]([], status, stdout=said)
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
        with pytest.raises(PackagingError, match=said.splitlines()[0]):
            package.package(sources, "local", sources / "cache")
        assert list((sources / "cache" / "archives").iterdir()) == []


class TestKept:
    def kept(self, cache: Path, digest: str, *, hours_ago: float = 0) -> None:
        package._kept(cache, digest, lambda folder: (folder / "made").mkdir())
        moment = time.time() - hours_ago * 3600
        os.utime(cache / digest, (moment, moment))

    def test_the_oldest_go_once_nobody_has_used_them_for_an_hour(self, tmp_path: Path) -> None:
        for number in range(package.KEPT + 2):
            self.kept(tmp_path, f"old-{number}", hours_ago=10 - number)
        self.kept(tmp_path, "new")
        assert {each.name for each in tmp_path.iterdir()} == {"new", "old-3", "old-4", "old-5"}

    def test_none_goes_that_somebody_may_still_use(self, tmp_path: Path) -> None:
        names = {f"new-{number}" for number in range(package.KEPT + 3)}
        for name in names:
            self.kept(tmp_path, name)
        assert {each.name for each in tmp_path.iterdir()} == names


class TestArchive:
    def test_moment_mode_and_order_do_not_matter(self, tmp_path: Path) -> None:
        names = ["b.py", "a/z.so", "a/a.py"]
        for folder, order, mode, moment in (("one", names, 0o644, 0), ("two", names[::-1], 0o700, 1_700_000_000)):
            for name in order:
                file = tmp_path / folder / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(name)
                file.chmod(mode)
                os.utime(file, (moment, moment))
            write_archive(tmp_path / f"{folder}.zip", [tmp_path / folder])
        assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
        with zipfile.ZipFile(tmp_path / "one.zip") as archive:
            assert archive.namelist() == ["a/a.py", "a/z.so", "b.py"]
        assert unpacked_size(tmp_path / "one.zip") == sum(map(len, names))

    def test_bytecode_stays_out(self, tmp_path: Path) -> None:
        (tmp_path / "code" / "__pycache__").mkdir(parents=True)
        for name in ("a.py", "a.pyc", "__pycache__/a.cpython-313.pyc"):
            (tmp_path / "code" / name).touch()
        write_archive(tmp_path / "zip", [tmp_path / "code"])
        with zipfile.ZipFile(tmp_path / "zip") as archive:
            assert archive.namelist() == ["a.py"]

    def test_a_file_that_comes_twice_is_an_error(self, tmp_path: Path) -> None:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "a.py").touch()
        with pytest.raises(PackagingError, match=r"a\.py"):
            write_archive(tmp_path / "zip", [tmp_path / "one", tmp_path / "two"])


class TestDependencies:
    @staticmethod
    def installed(folder: Path, name: str, version: str, *requires: str) -> None:
        information = folder / f"{name}-{version}.dist-info"
        information.mkdir(parents=True)
        lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {each}" for each in requires)]
        (information / "METADATA").write_text("Metadata-Version: 2.1\n" + "\n".join(lines) + "\n")

    def unmet(self, folder: Path, target: Runtime = Runtime("3.13", "x86_64")) -> list[str]:  # noqa: B008 - frozen
        return dependencies.unmet(list(distributions(path=[str(folder)])), target)

    def test_what_nobody_supplies_is_missing(self, tmp_path: Path) -> None:
        self.installed(tmp_path, "a", "1.0", "absent>=1")
        assert self.unmet(tmp_path) == ["a requires absent>=1"]

    def test_what_is_too_old_is_missing(self, tmp_path: Path) -> None:
        self.installed(tmp_path, "a", "1.0", "some_thing>=2")
        self.installed(tmp_path, "Some.Thing", "1.9")
        assert self.unmet(tmp_path) == ["a requires some_thing>=2"]

    def test_runtime_and_layer_supply(self, tmp_path: Path) -> None:
        self.installed(tmp_path, "a", "1.0", "botocore>=1.12", "typing_extensions>=4")
        assert self.unmet(tmp_path) == []

    def test_markers_are_those_of_the_target(self, tmp_path: Path) -> None:
        marked = ("w; sys_platform == 'win32'", "o; python_version < '3.12'", "x; extra == 'x'")
        self.installed(tmp_path, "a", "1.0", *marked, "m; platform_machine == 'aarch64'")
        assert self.unmet(tmp_path) == []
        assert self.unmet(tmp_path, Runtime("3.13", "arm64")) == ['a requires m; platform_machine == "aarch64"']

    def test_a_hash_that_is_not_the_locks_is_refused(self, tmp_path: Path) -> None:
        wheel = self.wheel(tmp_path)
        lock = tmp_path / "requirements.lock"
        lock.write_text(f"a @ {wheel.as_uri()} --hash=sha256:{'0' * 64}\n")
        with pytest.raises(PackagingError, match=r"(?i)hash"):
            dependencies.install(lock, HERE, tmp_path / "into")

    @staticmethod
    def wheel(folder: Path) -> Path:
        wheel = folder / "a-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("a.py", "")
            archive.writestr("a-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: a\nVersion: 1.0\n")
            archive.writestr("a-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr("a-1.0.dist-info/RECORD", "")
        return wheel


class TestTarget:
    @pytest.mark.parametrize(("python", "architecture"), [("3.11", "x86_64"), ("3.13", "riscv"), ("", "x86_64")])
    def test_only_runtimes_that_are_there(self, python: str, architecture: str) -> None:
        with pytest.raises(PackagingError, match="it takes"):
            Runtime.aws(python, architecture)

    def test_wheels_for_its_python_and_machine_up_to_its_glibc(self) -> None:
        options = Runtime.aws("3.12", "arm64").pip_options
        assert {"manylinux_2_34_aarch64", "manylinux_2_28_aarch64", "manylinux2014_aarch64", "3.12"} <= set(options)
        assert not [option for option in options if "x86_64" in option or "2_35" in option]

    def test_the_interpreter_at_hand_needs_no_options(self) -> None:
        assert HERE.pip_options == []

    def test_a_runtime_on_an_emulator_has_a_package_of_its_own(self) -> None:
        aws, emulated = Runtime.aws("3.12"), replace(Runtime.aws("3.12"), emulated=True)
        assert aws.pip_options == emulated.pip_options
        assert aws.identity != emulated.identity


class TestSnapStart:
    TEMPLATE: dict[str, Any] = {  # noqa: RUF012 - each test has its copy
        "Resources": {
            "APIHandler": {"Type": "AWS::Serverless::Function", "Properties": {"Handler": "app.app"}},
            "Authorizer": {"Type": "AWS::Serverless::Function", "Properties": {"Handler": "app.authorizer"}},
            "APIHandlerInvokePermission": {
                "Type": "AWS::Lambda::Permission",
                "Properties": {"FunctionName": {"Ref": "APIHandler"}, "Principal": "apigateway.amazonaws.com"},
            },
            "AuthorizerInvokePermission": {
                "Type": "AWS::Lambda::Permission",
                "Properties": {"FunctionName": {"Fn::GetAtt": ["Authorizer", "Arn"]}},
            },
            "RestAPI": {
                "Type": "AWS::Serverless::Api",
                "Properties": {
                    "DefinitionBody": {
                        "paths": {
                            "/tables": {
                                "get": {
                                    "x-amazon-apigateway-integration": {
                                        "uri": {"Fn::Sub": "arn:aws:…/functions/${APIHandler.Arn}/invocations"}
                                    }
                                },
                                "options": {"x-amazon-apigateway-integration": {"type": "mock"}},
                            }
                        }
                    }
                },
            },
        }
    }

    def test_the_api_calls_the_alias_of_a_published_version(self) -> None:
        resources = with_snapstart(self.TEMPLATE)["Resources"]
        function = resources["APIHandler"]["Properties"]
        assert function["AutoPublishAlias"] == "live"
        assert function["AutoPublishAliasAllProperties"] is True
        assert function["VersionDeletionPolicy"] == "Delete", "snapshots of versions that nobody calls cost"
        assert function["SnapStart"] == {"ApplyOn": {"Ref": snapstart.PARAMETER}}
        get = resources["RestAPI"]["Properties"]["DefinitionBody"]["paths"]["/tables"]["get"]
        uri = get["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
        assert uri == "arn:aws:…/functions/${APIHandlerAliaslive}/invocations"
        permission = resources["APIHandlerInvokePermission"]["Properties"]
        assert permission["FunctionName"] == {"Ref": "APIHandlerAliaslive"}

    def test_other_functions_stay_as_they_are(self) -> None:
        resources = with_snapstart(self.TEMPLATE)["Resources"]
        for name in ("Authorizer", "AuthorizerInvokePermission"):
            assert resources[name] == self.TEMPLATE["Resources"][name]

    def test_a_parameter_switches_it(self) -> None:
        parameter = with_snapstart(self.TEMPLATE)["Parameters"][snapstart.PARAMETER]
        assert parameter["AllowedValues"] == ["PublishedVersions", "None"]

    def test_what_is_deployed_with_other_parameters_gets_another_version(self) -> None:
        digest = "5" * 64
        functions = with_version(with_snapstart(self.TEMPLATE), digest)["Resources"]
        assert functions["APIHandler"]["Properties"]["AutoPublishCodeSha256"] == digest
        assert "AutoPublishCodeSha256" not in functions["Authorizer"]["Properties"]
        assert with_version(self.TEMPLATE, digest) == self.TEMPLATE

    def test_what_is_given_is_not_changed(self) -> None:
        before = copy.deepcopy(self.TEMPLATE)
        with_snapstart(self.TEMPLATE)
        assert before == self.TEMPLATE

    @pytest.mark.parametrize("missing", ["APIHandlerInvokePermission", "RestAPI"])
    def test_a_template_of_another_shape_is_refused(self, missing: str) -> None:
        template = copy.deepcopy(self.TEMPLATE)
        if missing == "RestAPI":
            template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"] = {}
        else:
            del template["Resources"][missing]
        with pytest.raises(PackagingError):
            with_snapstart(template)


class TestSizes:
    def test_a_zip_that_leaves_no_room_for_the_layer_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "code").mkdir()
        (tmp_path / "code" / "a").write_bytes(bytes(46 * 2**20))
        write_archive(tmp_path / "zip", [tmp_path / "code"])
        with pytest.raises(PackagingError, match="unpacks to"):
            check_sizes(tmp_path / "zip")

    def test_a_zip_that_lambda_does_not_take_is_refused(self, tmp_path: Path) -> None:
        with (tmp_path / "zip").open("wb") as file, zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a", os.urandom(1024) * 50 * 1024)
        with pytest.raises(PackagingError, match="takes less than"):
            check_sizes(tmp_path / "zip")
