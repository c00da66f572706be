"""What watches a deployment: alarms, their topic, the dashboard, the logs, traces, and the audit log's table."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra.application import application_template

ROOT = Path(__file__).parents[2]
TEMPLATE: dict[str, Any] = application_template()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
PARAMETERS: dict[str, Any] = TEMPLATE["Parameters"]
# As Chalice calls them in the template.
FUNCTIONS = [
    {"api_handler": "APIHandler"}.get(name, name.title().replace("_", ""))
    for name in json.loads((ROOT / ".chalice" / "config.json").read_text())["lambda_functions"]
]


def of_type(kind: str) -> dict[str, Any]:
    return {name: each["Properties"] for name, each in RESOURCES.items() if each.get("Type") == kind}


ALARMS = of_type("AWS::CloudWatch::Alarm")


def alarms(namespace: str, metric: str) -> list[dict[str, Any]]:
    """The alarms on one metric."""
    return [each for each in ALARMS.values() if (each.get("Namespace"), each.get("MetricName")) == (namespace, metric)]


def dimensions(alarm: dict[str, Any]) -> dict[str, Any]:
    return {each["Name"]: each["Value"] for each in alarm["Dimensions"]}


def the_alarm(namespace: str, metric: str) -> dict[str, Any]:
    [found] = alarms(namespace, metric)
    return found


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_every_function_alarms_when_it_fails_and_when_it_may_not_run(metric: str) -> None:
    watched = [dimensions(alarm)["FunctionName"] for alarm in alarms("AWS/Lambda", metric)]
    assert sorted(each["Ref"] for each in watched) == sorted(FUNCTIONS)


@pytest.mark.parametrize("metric", ["ReadThrottleEvents", "WriteThrottleEvents"])
def test_every_table_alarms_when_it_is_throttled(metric: str) -> None:
    watched = [dimensions(alarm)["TableName"]["Ref"] for alarm in alarms("AWS/DynamoDB", metric)]
    assert sorted(watched) == sorted(of_type("AWS::DynamoDB::Table"))


@pytest.mark.parametrize(
    ("namespace", "metric", "missing"),
    [
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "notBreaching"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", "notBreaching"),
        ("AWS/ApiGateway", "5XXError", "notBreaching"),
        ("AWS/ApiGateway", "Latency", "notBreaching"),
        ("Decant", "AuditEntriesLost", "notBreaching"),
        ("Decant", "DrillFailed", "notBreaching"),
        ("Decant", "BackupAgeSeconds", "breaching"),
    ],
)
def test_what_an_operator_must_know_alarms(namespace: str, metric: str, missing: str) -> None:
    assert the_alarm(namespace, metric)["TreatMissingData"] == missing


def test_a_database_whose_volume_fills_alarms_where_it_is_known() -> None:
    alarm = the_alarm("AWS/RDS", "FreeStorageSpace")
    assert dimensions(alarm) == {"DBInstanceIdentifier": {"Ref": "DatabaseIdentifier"}}
    assert alarm["ComparisonOperator"] == "LessThanThreshold"
    assert RESOURCES["DatabaseStorageAlarm"]["Condition"] == "DatabaseShown"


def test_every_alarm_says_what_is_wrong_and_reaches_the_topic() -> None:
    for alarm in ALARMS.values():
        assert alarm["AlarmDescription"]
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]


def test_the_share_of_rejections_is_that_of_the_rows_of_all_loads() -> None:
    metrics = {each["Id"]: each for each in ALARMS["RejectedShareAlarm"]["Metrics"]}
    assert metrics["share"]["Expression"] == "IF(read > 0, 100 * rejected / read, 0)"
    for name, metric in (("read", "RowsRead"), ("rejected", "RowsRejected")):
        measured = metrics[name]["MetricStat"]
        assert (measured["Metric"]["MetricName"], measured["Stat"]) == (metric, "Sum")
        assert measured["Metric"]["Dimensions"] == [{"Name": "stage", "Value": {"Ref": "Stage"}}]
    assert [name for name, each in metrics.items() if each["ReturnData"]] == ["share"]


def test_the_gateway_is_watched_by_a_name_that_is_this_stack_s_alone() -> None:
    name = {"Ref": "AWS::StackName"}
    api = RESOURCES["RestAPI"]["Properties"]
    assert api["Name"] == api["DefinitionBody"]["info"]["title"] == name
    for metric in ("5XXError", "Latency"):
        assert dimensions(the_alarm("AWS/ApiGateway", metric)) == {"ApiName": name, "Stage": "api"}


def test_the_topic_is_encrypted_with_a_key_that_cloudwatch_may_use() -> None:
    key = RESOURCES[of_type("AWS::SNS::Topic")["AlarmTopic"]["KmsMasterKeyId"]["Ref"]]["Properties"]
    [statement] = [
        each for each in key["KeyPolicy"]["Statement"] if each["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    ]
    assert set(statement["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}
    assert statement["Condition"]["StringEquals"]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}


def test_only_alarms_of_this_stack_speak_on_the_topic() -> None:
    allow, deny = RESOURCES["AlarmTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (allow["Effect"], allow["Principal"]) == ("Allow", {"Service": "cloudwatch.amazonaws.com"})
    assert allow["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"].endswith(":alarm:${AWS::StackName}-*")
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_every_function_and_the_gateway_have_a_log_that_ends() -> None:
    groups = of_type("AWS::Logs::LogGroup")
    named = {name["Fn::Sub"] for name in (each["LogGroupName"] for each in groups.values())}
    assert named == {*(f"/aws/lambda/${{{each}}}" for each in FUNCTIONS), "/aws/apigateway/${AWS::StackName}"}
    for group in groups.values():
        assert group["RetentionInDays"] == {"Ref": "LogDays"}
        assert group["KmsKeyId"] == {"Fn::GetAtt": ["EncryptionKey", "Arn"]}


def test_the_platform_s_own_lines_are_json() -> None:
    assert TEMPLATE["Globals"]["Function"]["LoggingConfig"] == {"LogFormat": "JSON"}


def test_the_gateway_s_lines_are_json_and_hold_neither_headers_nor_queries() -> None:
    setting = RESOURCES["RestAPI"]["Properties"]["AccessLogSetting"]
    assert setting["DestinationArn"] == {"Fn::GetAtt": ["AccessLogs", "Arn"]}
    line = json.loads(setting["Format"])
    assert {"request_id", "principal_id", "status", "latency"} <= line.keys()
    variables = re.findall(r"\$context\.[A-Za-z.]+", setting["Format"])
    assert len(variables) == len(line)
    assert not [each for each in variables if re.search("header|query|token|body", each, re.IGNORECASE)]


def test_the_dashboard_shows_every_function_and_the_database_where_it_is_given() -> None:
    body, given = of_type("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]["Fn::Sub"]
    functions = given["Functions"]["Fn::Sub"]
    assert sorted(re.findall(r"\$\{(\w+)\}", functions)) == sorted(FUNCTIONS)
    condition, shown, hidden = given["Database"]["Fn::If"]
    assert condition == "DatabaseShown"
    for database in (shown["Fn::Sub"], hidden):
        widgets = json.loads(body.replace("${Database}", database).replace("${Functions}", functions))["widgets"]
        titles = [each["properties"]["title"] for each in widgets]
        assert ("Connections to the database" in titles) == bool(database)
        assert len(set(titles)) == len(titles) >= 11
        places = [(each["x"], each["y"]) for each in widgets]
        assert len(set(places)) == len(places)


def test_traces_are_made_and_paid_for_only_where_they_are_asked_for() -> None:
    assert PARAMETERS["Tracing"]["Default"] == "PassThrough"
    assert TEMPLATE["Globals"]["Function"]["Tracing"] == {"Ref": "Tracing"}
    assert RESOURCES["RestAPI"]["Properties"]["TracingEnabled"] == {"Fn::If": ["Traced", True, False]}
    for name in FUNCTIONS:
        role = RESOURCES[RESOURCES[name]["Properties"]["Role"]["Fn::GetAtt"][0]]
        # Lambda refuses a function that is to be traced and may not tell.
        [policy] = [each for each in role["Properties"]["ManagedPolicyArns"] if "XRay" in json.dumps(each)]
        assert policy["Fn::If"][0] == "Traced"
        assert policy["Fn::If"][2] == {"Ref": "AWS::NoValue"}


def test_the_audit_table_is_kept_recovered_encrypted_and_never_forgets() -> None:
    table = RESOURCES["AuditTable"]
    properties = table["Properties"]
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    assert properties["DeletionProtectionEnabled"] is True
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"]["SSEEnabled"] is True
    assert "TimeToLiveSpecification" not in properties


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_nobody_may_change_or_delete_what_the_audit_log_holds() -> None:
    may: dict[str, set[str]] = {}
    for name, role in of_type("AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                if "AuditTable" in json.dumps(statement["Resource"]):
                    may.setdefault(name, set()).update(as_list(statement["Action"]))
    assert may.pop("ApiRole") == {"dynamodb:PutItem", "dynamodb:Query"}
    assert all(actions <= {"dynamodb:PutItem", "dynamodb:Query"} for actions in may.values())


def test_who_writes_the_audit_log_can_not_write_its_anchors() -> None:
    for name, role in of_type("AWS::IAM::Role").items():
        statements = [each for policy in role.get("Policies", []) for each in policy["PolicyDocument"]["Statement"]]
        told = json.dumps([each["Resource"] for each in statements if "s3:PutObject" in as_list(each["Action"])])
        appends = "AuditTable" in json.dumps([s["Resource"] for s in statements if "dynamodb:PutItem" in s["Action"]])
        reaches = "${BackupBucket.Arn}/*" in told or "${BackupBucket.Arn}/audit" in told
        assert not (appends and reaches), f"{name} may write both"
