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
        # A changed variable or layer makes a version too, not changed code alone.
        "AutoPublishAliasAllProperties": True,
        "SnapStart": {"ApplyOn": {"Ref": PARAMETER}},
    }
    if not _redirect_integrations(changed["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]):
        raise PackagingError(f"No integration of the API calls {_DIRECT}.")
    if not _redirect_permissions(changed["Resources"]):
        raise PackagingError(f"No permission lets the API call {FUNCTION}.")
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
