"""What GitHub Actions may do: pinned actions, rights that are named, no long-lived keys."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from chalice.package import YAMLTemplateSerializer

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def load(file: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(file.read_text())
    return loaded


def load_template(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = YAMLTemplateSerializer().load_template((ROOT / "infra" / name).read_text(), name)
    return loaded


def test_the_console_s_script_is_made_anew_and_compared() -> None:
    console = load(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["console"]
    assert console["steps"][-1] == {"run": "make console && git diff --exit-code chalicelib/console/static"}


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
class TestEachWorkflow:
    def test_actions_are_pinned_by_commit_with_the_version_beside(self, file: Path) -> None:
        used = re.findall(r"uses: (.*)", file.read_text())
        assert used
        for action in used:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action

    def test_it_may_only_read_unless_a_job_says_otherwise(self, file: Path) -> None:
        workflow = load(file)
        assert workflow["permissions"] == {"contents": "read"}
        for job in workflow["jobs"].values():
            assert job.get("permissions", {}).get("contents", "read") == "read"
            assert job["timeout-minutes"] <= 60

    def test_it_leaves_no_token_in_the_checkout_and_uses_no_secret(self, file: Path) -> None:
        text = file.read_text()
        assert text.count("persist-credentials: false") == text.count("actions/checkout@")
        assert "secrets." not in text
        assert "access-key" not in text

    def test_no_expression_reaches_a_shell(self, file: Path) -> None:
        for job in load(file)["jobs"].values():
            for step in job["steps"]:
                assert "${{" not in step.get("run", "")

    def test_what_it_makes_is_a_target_of_the_makefile(self, file: Path) -> None:
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        for target in re.findall(r"(?:run: |&& )make ([a-z-]+)", file.read_text()):
            assert target in {*targets, "deploy"}


def test_tests_run_on_every_supported_python() -> None:
    matrix = load(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["python"] == ["3.11", "3.12", "3.13"]


def test_vulnerabilities_are_looked_for_every_week_and_with_every_new_lock() -> None:
    file = ROOT / ".github" / "workflows" / "audit.yml"
    triggers = load(file)[True]  # type: ignore[index] # what YAML 1.1 takes `on` for
    assert len(triggers["schedule"]) == 1
    assert triggers["push"]["paths"] == ["**.lock"]
    [job] = load(file)["jobs"].values()
    made = [step["run"] for step in job["steps"] if "run" in step]
    assert made == ["make sbom OUT=dist", "make audit-dependencies"]


def test_every_push_runs_what_the_script_of_ci_runs() -> None:
    commands = re.findall(r"^make .+", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    steps = [step for job in load(WORKFLOWS[1])["jobs"].values() for step in job["steps"]]
    assert WORKFLOWS[1].stem == "ci"
    assert set(commands) <= {step.get("run", "") for step in steps}
    assert len(commands) >= 3


def test_every_file_that_a_cache_goes_by_is_there() -> None:
    for file in WORKFLOWS:
        for job in load(file)["jobs"].values():
            for step in job["steps"]:
                for pattern in step.get("with", {}).get("cache-dependency-path", "").split():
                    assert list(ROOT.glob(pattern)), f"{file.name}: {pattern}"


def test_a_deployment_proves_who_it_is_to_the_environment_s_role() -> None:
    job = load(ROOT / ".github" / "workflows" / "deploy.yml")["jobs"]["deploy"]
    assert job["environment"] == "${{ inputs.stage }}"
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    [credentials] = [step["with"] for step in job["steps"] if "configure-aws-credentials" in step.get("uses", "")]
    assert credentials["role-to-assume"] == "${{ vars.AWS_DEPLOY_ROLE_ARN }}"


class TestDeployRole:
    ROLE = load_template("github-oidc.yaml")["Resources"]["DeployRole"]["Properties"]

    def statements(self) -> list[dict[str, Any]]:
        return [each for policy in self.ROLE["Policies"] for each in policy["PolicyDocument"]["Statement"]]

    def test_only_one_environment_of_one_repository_takes_it(self) -> None:
        [statement] = self.ROLE["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
        assert statement["Condition"] == {
            "StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": {"Fn::Sub": "repo:${Repository}:environment:${Stage}"},
            }
        }

    def test_it_is_not_among_the_roles_that_it_may_change(self) -> None:
        assert not self.ROLE["RoleName"]["Fn::Sub"].startswith("decant-")
        for statement in self.statements():
            if any(action.startswith("iam:") for action in statement["Action"]):
                assert "role/decant-${Stage}-*" in str(statement["Resource"]) or "aws-service-role" in str(statement)

    def test_whole_services_and_all_resources_are_cloudformation_s_alone(self) -> None:
        for statement in self.statements():
            whole = any(action.endswith(":*") for action in statement["Action"])
            if whole or (statement["Resource"] == "*" and statement["Sid"] != "LookAtTheNetwork"):
                called_via = statement["Condition"]["ForAnyValue:StringEquals"]["aws:CalledVia"]
                assert called_via == "cloudformation.amazonaws.com", statement["Sid"]

    def test_it_may_do_what_a_deployment_does_by_itself(self) -> None:
        allowed = {action for each in self.statements() for action in [each["Action"]] if isinstance(action, str)}
        allowed |= {
            action for each in self.statements() if isinstance(each["Action"], list) for action in each["Action"]
        }
        assert allowed >= {
            "ssm:GetParameter",  # the layer
            "cloudformation:ContinueUpdateRollback",
            "cloudformation:ExecuteChangeSet",
            "lambda:InvokeFunction",  # the migrator
            "ec2:DescribeManagedPrefixLists",
        }

    def test_roles_are_passed_to_named_services(self) -> None:
        [passing] = [each for each in self.statements() if "iam:PassRole" in each["Action"]]
        assert passing["Condition"]["StringEquals"]["iam:PassedToService"]
