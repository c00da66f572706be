"""What the gateway does before and without the API: its own answers, and what it asks for at each route.

Chalice writes the routes and their authorizer; this completes them in the template that it has made.
"""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.api.headers import SECURITY_HEADERS
from chalicelib.api.problems import CHALLENGE, MEDIA_TYPE

# As app.py names it; the authorizers of the other kinds have other names, and no tokens.
_TOKEN_AUTHORIZER = "authorizer"  # noqa: S105
_COMPRESSED_FROM_BYTES = 1024
_API_KEY = {"type": "apiKey", "name": "x-api-key", "in": "header"}


@dataclass(frozen=True)
class Answer:
    """An answer of the gateway's own: a problem document, as the API's are."""

    status: int
    code: str
    title: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def definition(self) -> dict[str, Any]:
        """Give the answer as the API's OpenAPI document has it.

        `instance` names the request: its path would not be known on every gateway, and goes without saying.
        """
        document = {
            "type": f"urn:decant:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": "urn:decant:request:$context.requestId",
        }
        headers = {"Content-Type": MEDIA_TYPE, **SECURITY_HEADERS, **self.headers}
        # A constant stands in single quotes, so the policy of contents, which has some itself, can't be said here.
        parameters: dict[str, Any] = {_header(name): f"'{text}'" for name, text in headers.items() if "'" not in text}
        # Any page may read them, for they hold nothing; with no page allowed, none.
        for name, text in (("Allow-Origin", "*"), ("Expose-Headers", "Retry-After, WWW-Authenticate")):
            parameters[_header(f"Access-Control-{name}")] = _if("Cors", f"'{text}'", {"Ref": "AWS::NoValue"})
        return {
            "statusCode": str(self.status),
            "responseParameters": parameters,
            "responseTemplates": {"application/json": json.dumps(document)},
        }


def _header(name: str) -> str:
    return f"gatewayresponse.header.{name}"


def _if(condition: str, then: Any, otherwise: Any) -> dict[str, Any]:
    return {"Fn::If": [condition, then, otherwise]}


# One answer to whoever is not known, whatever they ask for and whatever is wrong with what they show: no hint of what
# there is.
UNKNOWN_CALLER = Answer(
    401, "unauthorized", "The request has no valid credentials",
    "Send 'Authorization: Bearer <token>' with a valid token.",
    {"WWW-Authenticate": CHALLENGE},
)  # fmt: skip
FORBIDDEN = Answer(403, "forbidden", "The caller may not do this", "Ask an operator for credentials that may.")
BAD_REQUEST = Answer(400, "bad-request", "The request can't be understood", "The gateway can't read it.")
TOO_MANY = Answer(
    429,
    "too-many-requests",
    "Too many requests",
    "Wait a second, then ask again, and less often.",
    {"Retry-After": "1"},
)
UNAVAILABLE = Answer(
    503, "unavailable", "A part of the service is down or busy", "Try again in a moment.", {"Retry-After": "1"}
)
ANSWERS = {
    "UNAUTHORIZED": UNKNOWN_CALLER,
    "MISSING_AUTHENTICATION_TOKEN": UNKNOWN_CALLER,
    "INVALID_SIGNATURE": UNKNOWN_CALLER,
    "EXPIRED_TOKEN": UNKNOWN_CALLER,
    "ACCESS_DENIED": FORBIDDEN,
    "INVALID_API_KEY": FORBIDDEN,
    "WAF_FILTERED": FORBIDDEN,
    "RESOURCE_NOT_FOUND": Answer(404, "not-found", "There is no such thing", "There is nothing at this path."),
    "REQUEST_TOO_LARGE": Answer(
        413, "too-large", "More than the service takes at once",
        "Send fewer rows at once, or upload a file through /uploads.",
    ),
    "UNSUPPORTED_MEDIA_TYPE": Answer(
        415, "unsupported-media", "The request's body has a format that is not read", "Send JSON."
    ),
    "THROTTLED": TOO_MANY,
    "QUOTA_EXCEEDED": Answer(
        429, "too-many-requests", "Too many requests", "The token's requests of today are used up.",
        {"Retry-After": "3600"},
    ),
    "BAD_REQUEST_BODY": BAD_REQUEST,
    "BAD_REQUEST_PARAMETERS": BAD_REQUEST,
    "DEFAULT_4XX": BAD_REQUEST,
    "AUTHORIZER_FAILURE": UNAVAILABLE,
    "AUTHORIZER_CONFIGURATION_ERROR": UNAVAILABLE,
    "API_CONFIGURATION_ERROR": UNAVAILABLE,
    "INTEGRATION_FAILURE": UNAVAILABLE,
    "INTEGRATION_TIMEOUT": Answer(
        504, "timeout", "The service did not answer in time",
        "It may have done what was asked: GET /runs tells, and the same Idempotency-Key asks for it once.",
    ),
    "DEFAULT_5XX": UNAVAILABLE,
}  # fmt: skip


def complete(template: dict[str, Any], *, as_resources: bool = True) -> dict[str, Any]:
    """Give the packaged template with the gateway's answers, limits for each token, and room for preflights.

    `as_resources` is for emulators: on AWS the answers stand in the API's definition, and what stands beside it is lost
    when that is put anew (cfn-lint's W3660).
    """
    template = copy.deepcopy(template)
    definition = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    by_token = _TOKEN_AUTHORIZER in definition.get("securityDefinitions", {})
    # The authorizer denies a token that is not good, and lets any other through: of it, denied means not known.
    answers = ANSWERS | ({"ACCESS_DENIED": UNKNOWN_CALLER} if by_token else {})
    definitions = {kind: answer.definition() for kind, answer in answers.items()}
    # On AWS they are part of what a deployment deploys only here; MiniStack 1.5.33 reads them as resources only.
    definition["x-amazon-apigateway-gateway-responses"] = definitions
    for kind, each in definitions.items() if as_resources else ():
        template["Resources"][f"GatewayResponse{kind.title().replace('_', '')}"] = {
            "Type": "AWS::ApiGateway::GatewayResponse",
            "Properties": {
                "RestApiId": {"Ref": "RestAPI"},
                "ResponseType": kind,
                **{name[0].upper() + name[1:]: value for name, value in each.items()},
            },
        }
    if by_token:
        definition["securityDefinitions"]["api_key"] = _API_KEY
        # As the API's own property has it, which an import of the definition sets back to the header.
        definition["x-amazon-apigateway-api-key-source"] = "AUTHORIZER"
    # A browser gets the console's files in a third of their bytes. Said here for what an import would set back.
    definition["x-amazon-apigateway-minimum-compression-size"] = _COMPRESSED_FROM_BYTES
    for methods in definition["paths"].values():
        for method, operation in methods.items():
            if by_token and "security" in operation:
                limited = [{"api_key": []}, *operation["security"]]
                operation["security"] = _if("TokensLimited", limited, operation["security"])
            if method == "options" and "security" in operation:
                operation["security"] = _if("Cors", [], operation["security"])
    return template
