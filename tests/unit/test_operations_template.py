"""What schedules may do, and the function that may delete backups, as the template says."""

import re
from typing import Any

import pytest

from chalicelib.work.messages import tasks
from infra.application import application_template

TEMPLATE: dict[str, Any] = application_template()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
PARAMETERS: dict[str, Any] = TEMPLATE["Parameters"]
ROLES = [name for name, resource in RESOURCES.items() if resource.get("Type") == "AWS::IAM::Role"]


def statements(role: str) -> list[dict[str, Any]]:
    return [
        s for policy in RESOURCES[role]["Properties"].get("Policies", []) for s in policy["PolicyDocument"]["Statement"]
    ]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_the_retention_function_alone_deletes_objects_and_no_version_of_them() -> None:
    def deletes(role: str) -> set[str]:
        return {a for s in statements(role) for a in as_list(s["Action"]) if a.startswith("s3:Delete")}

    assert {role: deletes(role) for role in ROLES if deletes(role)} == {"RetentionRole": {"s3:DeleteObject"}}


def test_what_retention_does_to_the_catalogue_is_bounded_by_its_keys() -> None:
    allowed = {
        action: s.get("Condition", {}).get("ForAllValues:StringEquals", {}).get("dynamodb:LeadingKeys")
        for s in statements("RetentionRole")
        for action in as_list(s["Action"])
        if action.startswith("dynamodb:")
    }
    assert allowed == {
        "dynamodb:GetItem": None,
        "dynamodb:Query": None,
        "dynamodb:DeleteItem": ["backup"],
        "dynamodb:PutItem": ["run"],
    }
    catalog = {"Fn::GetAtt": ["CatalogTable", "Arn"]}
    deleting = [s for role in ROLES for s in statements(role) if "dynamodb:DeleteItem" in as_list(s["Action"])]
    assert [s["Sid"] for s in deleting if catalog in as_list(s["Resource"])] == ["ListNoLonger"]


SCHEDULED = {"backup": "BackupRule", "drill": "DrillRule"}


@pytest.mark.parametrize("work", SCHEDULED)
def test_a_schedule_orders_work_of_its_moment(work: str) -> None:
    rule = RESOURCES[SCHEDULED[work]]["Properties"]
    [target] = rule["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": ["WorkQueue", "Arn"]}
    assert target["InputTransformer"]["InputPathsMap"] == {"moment": "$.time"}
    body = target["InputTransformer"]["InputTemplate"].replace("<moment>", '"2026-11-22T02:00:00Z"')
    [task] = tasks(body)
    assert task.message()["work"] == work
    assert task.run is not None
    assert task.run.startswith("20261122T020000000000-")


def test_only_the_schedules_of_the_queue_s_work_may_send_to_it() -> None:
    given = RESOURCES["WorkQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    [statement] = [each for each in given if each.get("Sid") == "SchedulesOrderWork"]
    account = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}"
    rules = [{"Fn::Sub": f"{account}:rule/${{{rule}}}"} for rule in SCHEDULED.values()]
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": rules}}
    permission = RESOURCES["RetentionPermission"]["Properties"]
    assert permission["SourceArn"] == {"Fn::GetAtt": ["RetentionRule", "Arn"]}


@pytest.mark.parametrize("name", ["Backup", "Drill", "Retention"])
def test_a_schedule_that_is_left_empty_is_switched_off(name: str) -> None:
    rule, condition = RESOURCES[f"{name}Rule"]["Properties"], f"{name}Scheduled"
    assert rule["State"] == {"Fn::If": [condition, "ENABLED", "DISABLED"]}
    assert rule["ScheduleExpression"]["Fn::If"][:2] == [condition, {"Ref": f"{name}Schedule"}]
    assert TEMPLATE["Conditions"][condition] == {"Fn::Not": [{"Fn::Equals": [{"Ref": f"{name}Schedule"}, ""]}]}
    pattern = re.compile(PARAMETERS[f"{name}Schedule"]["AllowedPattern"])
    for allowed in ("", "rate(1 hour)", "cron(0 2 * * ? *)", "cron(0/15 8-18 ? * MON-FRI *)", "cron(0 0 L * ? *)"):
        assert pattern.fullmatch(allowed)
    for refused in ("rate()x", "daily", "at(2026-01-01T00:00:00)", "rate(1 day) "):
        assert not pattern.fullmatch(refused)


def test_by_default_a_backup_is_made_and_tried_every_day_and_some_are_kept() -> None:
    assert PARAMETERS["BackupSchedule"]["Default"].startswith("cron(")
    assert PARAMETERS["DrillSchedule"]["Default"].startswith("cron(")
    assert PARAMETERS["RetentionSchedule"]["Default"] == "rate(1 hour)"
    assert PARAMETERS["KeepLast"]["MinValue"] == 1
