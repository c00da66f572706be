"""Machines that try everything: Schemathesis over the OpenAPI document, against a deployed stack."""
