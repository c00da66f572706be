"""What an emulator does not apply is asserted on the templates: encryption, recovery, closed doors, privileges."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chalicelib.api.rejected_file import PREFIX
from chalicelib.work.lifetime import MESSAGE_LIVES
from infra.application import application_template, compose, fragments
from infra.deployment.parameters import parameters_for
from infra.deployment.templates import DATABASE, NETWORK, load_template

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "chalicelib"
TEMPLATE: dict[str, Any] = application_template()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
PARAMETERS: dict[str, Any] = TEMPLATE["Parameters"]
NETWORKED: dict[str, Any] = load_template(NETWORK)["Resources"]
STORED: dict[str, Any] = load_template(DATABASE)["Resources"]
STACKS = {"application": RESOURCES, "network": NETWORKED, "database": STORED}
BUCKETS = ("IntakeBucket", "BackupBucket")
# Actions that AWS knows on no resource.
ON_NOTHING = {"secretsmanager:GetRandomPassword"}
ROLES = ("ApiRole", "WorkerRole", "MigratorRole", "RotatorRole")
DECLARED = {
    (stack, name): parameter
    for stack, parameters in (
        ("application", PARAMETERS),
        ("network", load_template(NETWORK)["Parameters"]),
        ("database", load_template(DATABASE)["Parameters"]),
    )
    for name, parameter in parameters.items()
}


def of_type(kind: str, resources: dict[str, Any] = RESOURCES) -> dict[str, Any]:
    return {name: resource for name, resource in resources.items() if resource.get("Type") == kind}


def statements(role: str) -> list[dict[str, Any]]:
    policies = RESOURCES[role]["Properties"].get("Policies", [])
    return [s for policy in policies for s in policy["PolicyDocument"]["Statement"]]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@dataclass(frozen=True)
class Policy:
    """A policy of any kind, where it stands: of a role, of a resource, of a key, of an endpoint, of trust."""

    stack: str
    resource: str
    kind: str
    place: str
    document: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.stack}.{self.resource}.{self.place}"

    @property
    def statements(self) -> list[dict[str, Any]]:
        return [alternative for each in self.document["Statement"] for alternative in alternatives(each)]


def alternatives(value: Any) -> Iterator[Any]:
    """Yield what an `Fn::If` may come to."""
    if isinstance(value, dict) and set(value) == {"Fn::If"}:
        for branch in value["Fn::If"][1:]:
            yield from alternatives(branch)
    elif value != {"Ref": "AWS::NoValue"}:
        yield value


def policies() -> Iterator[Policy]:
    def within(node: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
        if isinstance(node, dict) and "Statement" in node:
            yield place, node
        elif isinstance(node, dict):
            for name, value in node.items():
                yield from within(value, name)
        elif isinstance(node, list):
            for value in node:
                yield from within(value, place)

    for stack, resources in STACKS.items():
        for name, resource in resources.items():
            for place, document in within(resource, ""):
                yield Policy(stack, name, resource["Type"], place, document)


POLICIES = list(policies())


@pytest.mark.parametrize(("stack", "name"), DECLARED)
def test_a_parameter_says_what_it_is_for_and_takes_its_own_default(stack: str, name: str) -> None:
    parameter = DECLARED[stack, name]
    assert parameter["Description"]
    assert not parameter["Description"].endswith(".")
    if parameter.get("Default") in ("true", "false"):
        assert parameter["AllowedValues"] == ["true", "false"]
    given = {name: str(parameter["Default"])} if "Default" in parameter else {}
    parameters_for({"Parameters": {name: parameter} if given else {}}, given, {}, {}, stack)


def test_every_function_is_described_in_one_place() -> None:
    """Its role, its network and its name; other files bring the variables of their concern alone."""
    for file in fragments():
        for name, resource in (compose([file]).get("Resources") or {}).items():
            if "Type" not in resource and name != "RestAPI" and file.name != "functions.yaml":
                assert resource["Properties"].keys() == {"Environment"}, f"{file.name}: {name}"


def test_every_kind_of_policy_is_looked_at() -> None:
    assert {policy.kind for policy in POLICIES} >= {
        "AWS::IAM::Role", "AWS::KMS::Key", "AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::EC2::VPCEndpoint",
    }  # fmt: skip


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_a_policy_names_what_it_allows_and_on_what(policy: Policy) -> None:
    for statement in policy.statements:
        assert "NotAction" not in statement
        assert "NotResource" not in statement
        assert "NotPrincipal" not in statement
        if statement["Effect"] == "Deny":
            continue
        actions = as_list(statement["Action"])
        for action in actions:
            assert re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9]+", action), action
        # The policy of a key speaks of that key alone, and so does a policy of trust of its role.
        if policy.place in ("KeyPolicy", "AssumeRolePolicyDocument") or ON_NOTHING.issuperset(actions):
            continue
        for resource in as_list(statement["Resource"]):
            assert resource != "*"
            assert isinstance(resource, dict), f"{resource} names no resource of this account"


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_a_policy_lets_nobody_in_from_elsewhere(policy: Policy) -> None:
    ours = {"Ref": "AWS::AccountId"}
    root = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
    for statement in policy.statements:
        if statement["Effect"] == "Deny" or "Principal" not in statement:
            continue
        who = statement["Principal"]
        if who in ("*", {"AWS": "*"}):
            assert statement["Condition"]["StringEquals"]["aws:PrincipalAccount"] == ours
        elif "AWS" in who:
            assert who == root
        elif who != {"Service": "lambda.amazonaws.com"} and policy.resource != "GatewayRole":
            # The gateway takes its role from its own account's settings alone, and documents it without a condition.
            # AWS's services work for every account; a condition says for which here.
            assert "${AWS::AccountId}" in str(statement["Condition"]) or str(ours) in str(statement["Condition"])


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_statements_can_be_told_apart(policy: Policy) -> None:
    names = [statement["Sid"] for statement in policy.statements if "Sid" in statement]
    assert len(names) == len(set(names))


KEYS = [(stack, name) for stack, all_ in STACKS.items() for name in of_type("AWS::KMS::Key", all_)]


class TestKeys:
    def test_there_are_two(self) -> None:
        assert KEYS == [("application", "EncryptionKey"), ("database", "DatabaseKey")]

    @pytest.mark.parametrize(("stack", "name"), KEYS)
    def test_a_key_rotates_and_outlives_its_stack(self, stack: str, name: str) -> None:
        key = STACKS[stack][name]
        assert key["Properties"]["EnableKeyRotation"] is True
        assert key["DeletionPolicy"] == key["UpdateReplacePolicy"] == "Retain"

    @pytest.mark.parametrize(("stack", "name"), KEYS)
    def test_who_administers_a_key_does_not_use_it(self, stack: str, name: str) -> None:
        use = {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"}
        for statement in STACKS[stack][name]["Properties"]["KeyPolicy"]["Statement"]:
            if use.intersection(statement["Action"]):
                assert "Condition" in statement, statement["Sid"]
                assert "kms:PutKeyPolicy" not in statement["Action"]

    def test_the_functions_that_read_the_secret_or_files_may_use_the_key_alone(self) -> None:
        for role in of_type("AWS::IAM::Role"):
            used = [s for s in statements(role) if any(action.startswith("kms:") for action in as_list(s["Action"]))]
            for statement in used:
                if statement["Sid"] == "MasterSecretKey":
                    assert (role in ("MigratorRole", "RotatorRole"), statement["Action"]) == (True, "kms:Decrypt")
                    continue
                writes = ["kms:Decrypt", "kms:GenerateDataKey"]
                assert statement["Action"] == ("kms:Decrypt" if role == "MigratorRole" else writes)
                assert statement["Resource"] == {"Fn::GetAtt": ["EncryptionKey", "Arn"]}
            needs = {"secretsmanager:GetSecretValue", "s3:GetObject", "s3:PutObject"}
            if needs.intersection(action for s in statements(role) for action in as_list(s["Action"])):
                assert used, f"{role} reads what the key encrypts"


class TestBuckets:
    def test_the_buckets_are_all_there_is(self) -> None:
        assert {name for all_ in STACKS.values() for name in of_type("AWS::S3::Bucket", all_)} == set(BUCKETS)

    @pytest.mark.parametrize("bucket", BUCKETS)
    def test_a_bucket_is_closed_encrypted_versioned_and_kept(self, bucket: str) -> None:
        properties = RESOURCES[bucket]["Properties"]
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(properties["PublicAccessBlockConfiguration"]) == 4
        [rule] = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"] == {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": {"Fn::GetAtt": ["EncryptionKey", "Arn"]},
        }
        assert rule["BucketKeyEnabled"] is True
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
        assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        assert RESOURCES[bucket]["DeletionPolicy"] == RESOURCES[bucket]["UpdateReplacePolicy"] == "Retain"

    @pytest.mark.parametrize("bucket", BUCKETS)
    def test_what_guards_a_bucket_stays_as_long_as_it(self, bucket: str) -> None:
        policy = RESOURCES[f"{bucket}Policy"]
        assert policy["DeletionPolicy"] == policy["UpdateReplacePolicy"] == "Retain"

    @pytest.mark.parametrize("bucket", BUCKETS)
    def test_a_bucket_is_tidied(self, bucket: str) -> None:
        rules = {rule["Id"]: rule for rule in RESOURCES[bucket]["Properties"]["LifecycleConfiguration"]["Rules"]}
        assert {rule["Status"] for rule in rules.values()} == {"Enabled"}
        assert rules["forget-unfinished-uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
        assert "NoncurrentVersionExpiration" in rules["forget-old-versions"]
        by_age = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules.values() if "ExpirationInDays" in rule}
        made = {"rejected/": 1} if bucket == "IntakeBucket" else {}
        assert by_age == made, "what is current, nobody deletes by age, but for what was made for one download"

    @pytest.mark.parametrize("bucket", BUCKETS)
    def test_what_a_bucket_refuses(self, bucket: str) -> None:
        document = RESOURCES[f"{bucket}Policy"]["Properties"]["PolicyDocument"]
        refused = {s["Sid"]: s for each in document["Statement"] for s in alternatives(each)}
        assert {s["Effect"] for s in refused.values()} == {"Deny"}
        assert {str(s["Principal"]) for s in refused.values()} == {"*"}
        whole = [{"Fn::GetAtt": [bucket, "Arn"]}, {"Fn::Sub": f"${{{bucket}.Arn}}/*"}]
        for name in ("TlsOnly", "ThisAccountOnly"):
            assert (refused[name]["Action"], refused[name]["Resource"]) == ("s3:*", whole)
        assert refused["TlsOnly"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert refused["ThisAccountOnly"]["Condition"] == {
            "StringNotEquals": {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}},
            "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
        }
        for name, header, wanted in (
            ("NoOtherEncryption", "s3:x-amz-server-side-encryption", "aws:kms"),
            ("NoOtherKey", "s3:x-amz-server-side-encryption-aws-kms-key-id", {"Fn::GetAtt": ["EncryptionKey", "Arn"]}),
        ):
            assert (refused[name]["Action"], refused[name]["Resource"]) == ("s3:PutObject", whole[1])
            # An upload that says nothing is encrypted by the bucket, as it should be.
            assert refused[name]["Condition"] == {"Null": {header: "false"}, "StringNotEquals": {header: wanted}}

    def test_the_backups_can_be_locked(self) -> None:
        properties = RESOURCES["BackupBucket"]["Properties"]
        nothing = {"Ref": "AWS::NoValue"}
        assert properties["ObjectLockEnabled"] == {"Fn::If": ["BackupsLocked", True, nothing]}
        condition, configured, otherwise = properties["ObjectLockConfiguration"]["Fn::If"]
        assert (condition, otherwise) == ("BackupsLocked", nothing)
        assert configured["Rule"]["DefaultRetention"] == {
            "Mode": {"Ref": "BackupLock"}, "Days": {"Ref": "BackupLockDays"},
        }  # fmt: skip
        assert PARAMETERS["BackupLock"]["AllowedValues"] == ["off", "GOVERNANCE", "COMPLIANCE"]

    def test_the_next_stack_of_the_stage_finds_no_name_taken(self) -> None:
        text, given = RESOURCES["IntakeBucket"]["Properties"]["BucketName"]["Fn::Sub"]
        assert "${Unique}" in text
        assert "AWS::StackId" in str(given["Unique"])
        named = ("BucketName", "TableName", "QueueName", "FunctionName", "RoleName", "TopicName", "Name")
        for name, resource in RESOURCES.items():
            if resource.get("DeletionPolicy") == "Retain" and name != "IntakeBucket":
                assert not set(named).intersection(resource["Properties"]), f"{name} outlives the stack under its name"


@pytest.mark.parametrize("table", of_type("AWS::DynamoDB::Table"))
def test_a_table_can_be_recovered_and_is_kept(table: str) -> None:
    properties = RESOURCES[table]["Properties"]
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"]["SSEEnabled"] is True
    assert properties["DeletionProtectionEnabled"] is True
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert RESOURCES[table]["DeletionPolicy"] == RESOURCES[table]["UpdateReplacePolicy"] == "Retain"


def test_the_catalog_forgets_in_time() -> None:
    properties = RESOURCES["CatalogTable"]["Properties"]
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    keys = [(key["AttributeName"], key["KeyType"]) for key in properties["KeySchema"]]
    assert keys == [("partition", "HASH"), ("id", "RANGE")]


def test_work_that_keeps_failing_ends_in_the_dead_letter_queue_and_rings() -> None:
    redrive = RESOURCES["WorkQueue"]["Properties"]["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
    assert redrive["maxReceiveCount"] == 5
    watched = RESOURCES["DeadLettersAlarm"]["Properties"]["Dimensions"][0]["Value"]
    assert watched == {"Fn::GetAtt": ["DeadLetterQueue", "QueueName"]}


@pytest.mark.parametrize("queue", ["WorkQueue", "DeadLetterQueue"])
def test_queues_are_encrypted_and_refuse_plain_http(queue: str) -> None:
    assert RESOURCES[queue]["Properties"]["SqsManagedSseEnabled"] is True
    document = RESOURCES[f"{queue}Policy"]["Properties"]["PolicyDocument"]
    [refused] = [s for each in document["Statement"] for s in alternatives(each) if s["Sid"] == "TlsOnly"]
    assert (refused["Effect"], refused["Action"]) == ("Deny", "sqs:*")
    assert refused["Resource"] == {"Fn::GetAtt": [queue, "Arn"]}
    assert refused["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("queue", ["WorkQueue", "DeadLetterQueue"])
def test_messages_are_kept_for_as_long_as_the_work_believes(queue: str) -> None:
    assert RESOURCES[queue]["Properties"]["MessageRetentionPeriod"] == MESSAGE_LIVES.total_seconds()


def test_tls_is_the_default() -> None:
    assert PARAMETERS["RequireTls"]["Default"] == "true"
    assert TEMPLATE["Conditions"]["TlsOnly"] == {"Fn::Equals": [{"Ref": "RequireTls"}, "true"]}
    assert PARAMETERS["DatabaseTls"]["Default"] == "verify-full"


def test_work_stays_hidden_for_longer_than_a_worker_may_take() -> None:
    assert PARAMETERS["VisibilitySeconds"]["Default"] > PARAMETERS["WorkerTimeout"]["Default"]


def test_only_the_intake_bucket_may_send_through_s3() -> None:
    document = RESOURCES["WorkQueuePolicy"]["Properties"]["PolicyDocument"]
    allowed = [s for each in document["Statement"] for s in alternatives(each) if s["Effect"] == "Allow"]
    [statement] = [s for s in allowed if s["Sid"] != "SchedulesOrderWork"]
    name, given = RESOURCES["IntakeBucket"]["Properties"]["BucketName"]["Fn::Sub"]
    source = {"aws:SourceArn": {"Fn::Sub": [f"arn:${{AWS::Partition}}:s3:::{name}", given]}}
    assert statement["Condition"] == {
        "ArnEquals": source,
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
    }
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}


def test_only_lambda_takes_the_roles() -> None:
    for name, role in of_type("AWS::IAM::Role").items():
        if name == "GatewayRole":  # API Gateway's own, for its logs
            continue
        [statement] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_the_api_writes_uploads_alone_and_only_the_worker_writes_backups() -> None:
    def writes(role: str) -> list[Any]:
        return [s["Resource"] for s in statements(role) if "s3:PutObject" in as_list(s["Action"])]

    assert writes("ApiRole") == [
        {"Fn::Sub": "${IntakeBucket.Arn}/incoming/*"},
        {"Fn::Sub": f"${{IntakeBucket.Arn}}/{PREFIX}*"},
        {"Fn::Sub": "${BackupBucket.Arn}/backups/*/pin.json"},
    ]
    assert writes("WorkerRole") == [
        [{"Fn::Sub": f"${{BackupBucket.Arn}}/backups/*/{name}"} for name in ("data.avro", "manifest.json")]
    ]
    assert writes("RetentionRole") == [{"Fn::Sub": "${BackupBucket.Arn}/audit/*"}]


def test_who_writes_files_in_parts_may_give_them_up() -> None:
    parts = [s["Resource"] for s in statements("ApiRole") if "s3:AbortMultipartUpload" in as_list(s["Action"])]
    assert parts == [{"Fn::Sub": f"${{IntakeBucket.Arn}}/{PREFIX}*"}]


def test_the_functions_get_the_variables_that_the_application_reads() -> None:
    readers = ("settings.py", "wiring.py", "access/gateway.py", "telemetry/lines.py")
    read = {name for file in readers for name in re.findall(r'"(DECANT_[A-Z_]+)"', (LIBRARY / file).read_text())}
    given = set(TEMPLATE["Globals"]["Function"]["Environment"]["Variables"])
    assert given == read | {"ARROW_DEFAULT_MEMORY_POOL"}


@pytest.mark.parametrize(
    ("stack", "name"),
    [(stack, name) for stack, all_ in STACKS.items() for name in of_type("AWS::SecretsManager::Secret", all_)],
)
def test_a_secret_is_encrypted_by_the_key_of_its_stack(stack: str, name: str) -> None:
    key = {"application": "EncryptionKey", "database": "DatabaseKey"}[stack]
    assert STACKS[stack][name]["Properties"]["KmsKeyId"] == {"Fn::GetAtt": [key, "Arn"]}


class TestNetwork:
    def test_no_way_leads_to_the_internet_or_from_it(self) -> None:
        kinds = {resource["Type"] for resource in NETWORKED.values()}
        assert not [kind for kind in kinds if "Gateway" in kind]
        assert "AWS::EC2::Route" not in kinds
        for subnet in of_type("AWS::EC2::Subnet", NETWORKED).values():
            assert subnet["Properties"]["MapPublicIpOnLaunch"] is False

    def test_refused_connections_are_logged(self) -> None:
        log = NETWORKED["FlowLog"]["Properties"]
        assert (log["ResourceType"], log["ResourceId"]) == ("VPC", {"Ref": "Vpc"})
        assert log["TrafficType"] == {"Ref": "FlowLogs"}
        assert load_template(NETWORK)["Parameters"]["FlowLogs"]["Default"] == "REJECT"
        assert NETWORKED["FlowLogGroup"]["Properties"]["RetentionInDays"] == 30

    def test_every_subnet_has_the_routes_of_the_gateway_endpoints(self) -> None:
        associated = {
            resource["Properties"]["SubnetId"]["Ref"]
            for resource in of_type("AWS::EC2::SubnetRouteTableAssociation", NETWORKED).values()
        }
        assert associated == set(of_type("AWS::EC2::Subnet", NETWORKED))

    def test_the_functions_reach_the_database_and_the_endpoints_and_nothing_else(self) -> None:
        group = NETWORKED["FunctionsSecurityGroup"]["Properties"]
        assert "SecurityGroupIngress" not in group
        database = {"Ref": "DatabasePort"}
        ports = {rule["Description"]: (rule["FromPort"], rule["ToPort"]) for rule in group["SecurityGroupEgress"]}
        assert ports == {
            "Postgres": (database, database), "Interface endpoints": (443, 443), "S3": (443, 443),
            "DynamoDB": (443, 443),
        }  # fmt: skip
        assert "0.0.0.0/0" not in str(group["SecurityGroupEgress"])

    def test_who_answers_the_functions_answers_nobody_else_and_asks_nobody(self) -> None:
        for group in (NETWORKED["EndpointsSecurityGroup"], STORED["DatabaseSecurityGroup"]):
            allowed = [rule for each in group["Properties"]["SecurityGroupIngress"] for rule in alternatives(each)]
            assert {str(rule["SourceSecurityGroupId"]) for rule in allowed} <= {
                str({"Ref": "FunctionsSecurityGroup"}), str({"Ref": "ProxySecurityGroup"}),
            }  # fmt: skip
            assert [rule["CidrIp"] for rule in group["Properties"]["SecurityGroupEgress"]] == ["127.0.0.1/32"]

    def test_the_endpoints_let_through_what_the_roles_in_the_network_allow_and_no_more(self) -> None:
        passing = {
            action
            for policy in POLICIES
            if policy.kind == "AWS::EC2::VPCEndpoint"
            for statement in policy.statements
            for action in as_list(statement["Action"])
        }
        allowed = {
            action
            for role, resource in of_type("AWS::IAM::Role").items()
            if "InVpc" in str(resource["Properties"].get("ManagedPolicyArns"))
            for statement in statements(role)
            for action in as_list(statement["Action"])
        }
        # What Lambda, S3 and Secrets Manager do on a function's behalf, they do by ways of their own.
        elsewhere = {"kms", "logs", "xray"}
        assert passing == {action for action in allowed if action.partition(":")[0] not in elsewhere}


class TestDatabase:
    @pytest.mark.parametrize("name", ["Instance", "Cluster"])
    def test_it_is_encrypted_kept_and_backed_up(self, name: str) -> None:
        properties = STORED[name]["Properties"]
        assert properties["StorageEncrypted"] is True
        assert properties["KmsKeyId"] == {"Fn::GetAtt": ["DatabaseKey", "Arn"]}
        assert properties["BackupRetentionPeriod"] == {"Ref": "BackupDays"}
        assert properties["DeletionProtection"] == {"Ref": "DeletionProtection"}
        assert load_template(DATABASE)["Parameters"]["DeletionProtection"]["Default"] == "true"
        assert STORED[name]["DeletionPolicy"] == STORED[name]["UpdateReplacePolicy"] == "Snapshot"
        assert properties["EnableIAMDatabaseAuthentication"] is False
        assert "postgresql" in properties["EnableCloudwatchLogsExports"]

    def test_no_instance_is_public(self) -> None:
        instances = of_type("AWS::RDS::DBInstance", STORED)
        assert set(instances) == {"Instance", "Writer", "Reader"}
        for instance in instances.values():
            assert instance["Properties"]["PubliclyAccessible"] is False
            assert instance["Properties"]["AutoMinorVersionUpgrade"] is True

    @pytest.mark.parametrize("name", ["ParameterGroup", "ClusterParameterGroup"])
    def test_it_speaks_tls_only_and_logs_no_row(self, name: str) -> None:
        settings = STORED[name]["Properties"]["Parameters"]
        assert settings["rds.force_ssl"] == "1"
        assert settings["password_encryption"] == "scram-sha-256"
        assert (settings["log_error_verbosity"], settings["log_parameter_max_length_on_error"]) == ("terse", "0")
        assert STORED["ParameterGroup"]["Properties"]["Parameters"] == settings

    def test_no_password_is_a_parameter(self) -> None:
        assert not [name for name in load_template(DATABASE)["Parameters"] if name == "MasterUserPassword"]
        for name in ("Instance", "Cluster"):
            _, managed, _ = STORED[name]["Properties"]["ManageMasterUserPassword"]["Fn::If"]
            assert managed is True
            _, _, password = STORED[name]["Properties"]["MasterUserPassword"]["Fn::If"]
            assert password["Fn::Sub"].startswith("{{resolve:secretsmanager:")

    def test_the_proxy_speaks_tls_only(self) -> None:
        assert STORED["DatabaseProxy"]["Properties"]["RequireTLS"] is True


def test_a_token_s_record_can_be_recovered_and_is_never_forgotten() -> None:
    table = RESOURCES["TokensTable"]
    properties = table["Properties"]
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    assert "TimeToLiveSpecification" not in properties
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"


def test_the_authorizer_finds_tokens_and_does_nothing_else() -> None:
    logs, tokens = statements("AuthorizerRole")
    assert logs["Sid"] == "Logs"
    assert (tokens["Action"], tokens["Resource"]) == ("dynamodb:GetItem", {"Fn::GetAtt": ["TokensTable", "Arn"]})
    [traces] = RESOURCES["AuthorizerRole"]["Properties"]["ManagedPolicyArns"]
    assert traces["Fn::If"][0] == "Traced"


def test_only_the_authorizer_may_use_the_tokens() -> None:
    for role in set(of_type("AWS::IAM::Role")) - {"AuthorizerRole"}:
        assert "TokensTable" not in str(RESOURCES[role]), role


def test_the_functions_that_reach_the_database_are_in_its_network() -> None:
    """None of them may be forgotten, for Globals does not put them there; and no other is there."""
    for name, function in RESOURCES.items():
        role = function.get("Properties", {}).get("Role")
        if role is not None:
            reaches = "DatabaseSecret" in str(RESOURCES[role["Fn::GetAtt"][0]])
            assert ("VpcConfig" in function["Properties"]) is reaches, name


def test_only_a_named_source_invokes_a_function() -> None:
    permissions = of_type("AWS::Lambda::Permission")
    assert set(permissions) == {"RetentionPermission", "RotationPermission"}, (
        "Chalice adds those of the API and the queue"
    )
    for permission in permissions.values():
        assert permission["Properties"]["Principal"].endswith(".amazonaws.com")
        assert permission["Properties"]["SourceArn"]["Fn::GetAtt"][0] in RESOURCES


def test_requests_are_limited_for_all_and_for_each_token() -> None:
    api, plan = RESOURCES["RestAPI"]["Properties"], RESOURCES["UsagePlan"]["Properties"]
    assert api["ApiKeySourceType"] == "AUTHORIZER"
    [settings] = api["MethodSettings"]
    assert (settings["ResourcePath"], settings["HttpMethod"]) == ("/*", "*")
    for limit in (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"], *plan["Throttle"].values(),
                  plan["Quota"]["Limit"]):  # fmt: skip
        assert PARAMETERS[limit["Ref"]]["Default"] > 0
    assert PARAMETERS["TokenLimits"]["Default"] == "on"


def test_no_password_is_a_parameter_and_tls_is_the_default() -> None:
    assert not [name for name in PARAMETERS if "Password" in name and name != "RotatePassword"]
    assert RESOURCES["DatabaseSecret"]["Properties"].keys() == {"Description", "KmsKeyId", "GenerateSecretString"}
    assert PARAMETERS["DatabaseTls"]["Default"] == "verify-full"


def test_the_masters_secret_is_for_migrator_and_rotator_alone() -> None:
    def reads(role: str, secret: Any) -> bool:
        return any(secret == s["Resource"] for s in statements(role) if "secretsmanager" in str(s["Action"]))

    assert [reads(role, {"Ref": "MasterSecret"}) for role in ROLES] == [False, False, True, True]
    writers = [role for role in ROLES if "secretsmanager:PutSecretValue" in str(statements(role))]
    assert writers == ["RotatorRole"]


def test_only_secrets_manager_may_rotate_this_secret_and_does_so_by_default() -> None:
    permission = RESOURCES["RotationPermission"]["Properties"]
    assert permission["Principal"] == "secretsmanager.amazonaws.com"
    assert permission["SourceArn"] == {"Fn::GetAtt": ["DatabaseSecret", "Id"]}
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
    assert RESOURCES["RotationSchedule"]["Condition"] == "RotatePassword"
    assert PARAMETERS["RotatePassword"]["Default"] == "true"
