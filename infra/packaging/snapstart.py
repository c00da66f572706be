"""SnapStart for the API: its function is published as versions, and the API calls the alias of the newest.

Chalice's API names the function itself, whose unpublished code has no snapshot. SAM makes version and alias
(`AutoPublishAlias`); this turns the API's integrations and the permission to call towards that alias.
"""

import copy
from typing import Any

from infra.packaging.errors import PackagingError

FUNCTION = "APIHandler"
ALIAS = "live"
PARAMETER = "ApiSnapStart"
_DIRECT = f"${{{FUNCTION}.Arn}}"
# SAM's name for the alias that it makes.
_ALIAS_RESOURCE = f"{FUNCTION}Alias{ALIAS}"
_ALIASED = f"${{{_ALIAS_RESOURCE}}}"


def with_snapstart(template: dict[str, Any]) -> dict[str, Any]:
    """Give a copy of a packaged template whose API calls the alias of a function that starts from a snapshot.

    The parameter `ApiSnapStart` (`PublishedVersions` or `None`) switches the snapshots; the alias stays.
    Raises PackagingError when the template is not as Chalice writes it.
    """
    changed = copy.deepcopy(template)
    changed.setdefault("Parameters", {})[PARAMETER] = {
        "Type": "String",
        "Default": "PublishedVersions",
        "AllowedValues": ["PublishedVersions", "None"],
        "Description": "Whether the API starts from a snapshot of its initialized code (Lambda SnapStart)",
    }
    changed["Resources"][FUNCTION]["Properties"] |= {
        "AutoPublishAlias": ALIAS,
        "AutoPublishAliasAllProperties": True,
        "VersionDeletionPolicy": "Delete",  # the snapshot of a version costs for as long as there is the version
        "SnapStart": {"ApplyOn": {"Ref": PARAMETER}},
    }
    if not _redirect_integrations(changed["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]):
        raise PackagingError(f"No integration of the API calls {_DIRECT}.")
    if not _redirect_permissions(changed["Resources"]):
        raise PackagingError(f"No permission lets the API call {FUNCTION}.")
    return changed


def with_version(template: dict[str, Any], digest: str) -> dict[str, Any]:
    """Give a copy of a template in which every function with an alias gets a new version when `digest` changes.

    SAM makes a version when the template's text changes, and does not look at the values of parameters: a new layer or
    a longer time-out would reach the function and not the version that the alias names. So whoever deploys calls this
    with a digest (64 hexadecimal digits) of the package and of the parameters. Other templates stay as they are.
    """
    changed = copy.deepcopy(template)
    for resource in changed["Resources"].values():
        if "AutoPublishAlias" in resource.get("Properties", {}):
            resource["Properties"]["AutoPublishCodeSha256"] = digest
    return changed


def _redirect_integrations(definition: dict[str, Any]) -> int:
    """Point each method's integration to the alias; give how many there are."""
    redirected = 0
    for path in definition["paths"].values():
        for operation in path.values():
            uri = operation.get("x-amazon-apigateway-integration", {}).get("uri")
            if isinstance(uri, dict) and _DIRECT in uri.get("Fn::Sub", ""):
                uri["Fn::Sub"] = uri["Fn::Sub"].replace(_DIRECT, _ALIASED)
                redirected += 1
    return redirected


def _redirect_permissions(resources: dict[str, Any]) -> int:
    """Give the right to call the function to its alias; give how many permissions there are."""
    redirected = 0
    for resource in resources.values():
        if resource["Type"] == "AWS::Lambda::Permission" and resource["Properties"]["FunctionName"] == {
            "Ref": FUNCTION
        }:
            resource["Properties"]["FunctionName"] = {"Ref": _ALIAS_RESOURCE}
            redirected += 1
    return redirected
