"""What a network needs of AWS that its template can't find or say."""

from infra.deployment.errors import DeploymentError
from infra.deployment.target import Target


def prefix_lists(target: Target) -> dict[str, str]:
    """Give the region's lists of the addresses of S3 and DynamoDB, as parameters of the network's template."""
    names = {
        f"com.amazonaws.{target.region}.s3": "S3PrefixList",
        f"com.amazonaws.{target.region}.dynamodb": "DynamoDbPrefixList",
    }
    wanted = [{"Name": "prefix-list-name", "Values": list(names)}]
    lists = target.client("ec2").describe_managed_prefix_lists(Filters=wanted)["PrefixLists"]
    found = {names[each["PrefixListName"]]: each["PrefixListId"] for each in lists if each["PrefixListName"] in names}
    if len(found) != len(names):
        raise DeploymentError(
            f"EC2 in {target.region} knows no prefix list of {' and '.join(names)}. Put their ids into the stage file: "
            "[network] S3PrefixList and DynamoDbPrefixList."
        )
    return found


def close_default_group(target: Target, group: str) -> None:
    """Take all rules from the security group that AWS makes with a VPC: whoever lands in it by mistake is alone."""
    ec2 = target.client("ec2")
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    for egress, revoke in ((False, ec2.revoke_security_group_ingress), (True, ec2.revoke_security_group_egress)):
        ids = [rule["SecurityGroupRuleId"] for rule in rules if rule["IsEgress"] is egress]
        if ids:
            revoke(GroupId=group, SecurityGroupRuleIds=ids)
