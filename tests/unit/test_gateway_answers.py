"""The answers that the gateway gives by itself, as they stand in the template."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.api.headers import SECURITY_HEADERS
from infra.application import application_template
from infra.application.gateway import ANSWERS, UNKNOWN_CALLER, complete

TEMPLATE = complete({"Resources": {"RestAPI": {"Properties": {"DefinitionBody": {"paths": {}}}}}})
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
# https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
KINDS = {
    "ACCESS_DENIED", "API_CONFIGURATION_ERROR", "AUTHORIZER_CONFIGURATION_ERROR", "AUTHORIZER_FAILURE",
    "BAD_REQUEST_PARAMETERS", "BAD_REQUEST_BODY", "DEFAULT_4XX", "DEFAULT_5XX", "EXPIRED_TOKEN", "INTEGRATION_FAILURE",
    "INTEGRATION_TIMEOUT", "INVALID_API_KEY", "INVALID_SIGNATURE", "MISSING_AUTHENTICATION_TOKEN", "QUOTA_EXCEEDED",
    "REQUEST_TOO_LARGE", "RESOURCE_NOT_FOUND", "THROTTLED", "UNAUTHORIZED", "UNSUPPORTED_MEDIA_TYPE", "WAF_FILTERED",
}  # fmt: skip


def test_every_kind_of_answer_that_a_gateway_has_is_ours() -> None:
    assert set(ANSWERS) == KINDS


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_answer_is_a_problem_document_with_the_security_headers(kind: str) -> None:
    definition = ANSWERS[kind].definition()
    document = json.loads(definition["responseTemplates"]["application/json"])
    assert {"type", "title", "status", "detail", "instance"} == set(document)
    assert str(document["status"]) == definition["statusCode"]
    headers = {
        name.removeprefix("gatewayresponse.header."): text for name, text in definition["responseParameters"].items()
    }
    assert headers["Content-Type"] == "'application/problem+json'"
    for name, text in SECURITY_HEADERS.items():
        if name != "Content-Security-Policy":
            assert headers[name] == f"'{text}'"
    for name, text in headers.items():
        if isinstance(text, dict):
            assert name.startswith("Access-Control-")
            assert text["Fn::If"][0] == "Cors"
            assert text["Fn::If"][2] == {"Ref": "AWS::NoValue"}
        else:
            assert text[0] == text[-1] == "'"
            assert "'" not in text[1:-1]
    assert "Access-Control-Allow-Credentials" not in headers


def test_no_answer_says_what_the_gateway_saw() -> None:
    for answer in ANSWERS.values():
        assert answer.definition()["responseTemplates"]["application/json"].count("$") == 1


def test_whoever_is_not_known_gets_one_answer() -> None:
    for kind in ("UNAUTHORIZED", "MISSING_AUTHENTICATION_TOKEN", "INVALID_SIGNATURE", "EXPIRED_TOKEN"):
        assert ANSWERS[kind] is UNKNOWN_CALLER
    assert UNKNOWN_CALLER.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("kind", ["THROTTLED", "QUOTA_EXCEEDED"])
def test_too_many_requests_are_told_when_to_come_back(kind: str) -> None:
    assert ANSWERS[kind].status == 429
    assert int(ANSWERS[kind].headers["Retry-After"]) > 0


def test_the_answers_are_deployed_with_the_api_and_stand_as_resources() -> None:
    deployed = RESOURCES["RestAPI"]["Properties"]["DefinitionBody"]["x-amazon-apigateway-gateway-responses"]
    resources = {
        each["Properties"]["ResponseType"]: each["Properties"]
        for each in RESOURCES.values()
        if each.get("Type") == "AWS::ApiGateway::GatewayResponse"
    }
    assert set(deployed) == set(resources) == KINDS
    for kind, properties in resources.items():
        for name in ("statusCode", "responseParameters", "responseTemplates"):
            assert properties[name[0].upper() + name[1:]] == deployed[kind][name]


def test_the_key_that_a_token_s_requests_are_counted_by_comes_from_the_authorizer_alone() -> None:
    """Said in the definition as well, for an import of it is what the gateway goes by."""
    definition: dict[str, Any] = {"paths": {}, "securityDefinitions": {"authorizer": {}}}
    made = complete({"Resources": {"RestAPI": {"Properties": {"DefinitionBody": definition}}}})
    told = made["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["x-amazon-apigateway-api-key-source"]
    assert told == application_template()["Resources"]["RestAPI"]["Properties"]["ApiKeySourceType"] == "AUTHORIZER"
