"""A data dictionary that has nothing to do with the shipped one, for proof that nothing depends on it."""

from __future__ import annotations

from typing import Any

OTHER: dict[str, Any] = {
    "name": "library",
    "title": "A library",
    "resources": [
        {
            "name": "branches",
            "path": "branches.csv",
            "schema": {
                "fields": [
                    {
                        "name": "code",
                        "type": "string",
                        "constraints": {"required": True, "pattern": "[A-Z]{2}[0-9]{2}", "maxLength": 4},
                    },
                    {"name": "region", "type": "string", "constraints": {"enum": ["north", "south"]}},
                    {"name": "part_of", "type": "string"},
                    {"name": "open", "type": "boolean", "constraints": {"required": True}},
                ],
                "primaryKey": "code",
                "foreignKeys": [{"fields": "part_of", "reference": {"resource": "", "fields": "code"}}],
            },
        },
        {
            "name": "titles",
            "path": "titles.csv",
            "schema": {
                "fields": [
                    {"name": "isbn", "type": "integer", "constraints": {"required": True, "maximum": 9999999999999}},
                    {"name": "title", "type": "string", "constraints": {"required": True, "minLength": 2}},
                    {"name": "published", "type": "date", "constraints": {"minimum": "1450-01-01"}},
                    {
                        "name": "price",
                        "type": "number",
                        "precision": 10,
                        "scale": 2,
                        "constraints": {"required": True, "minimum": 0},
                    },
                ],
                "primaryKey": ["isbn"],
            },
        },
        {
            "name": "copies",
            "path": "copies.csv",
            "schema": {
                "fields": [
                    {"name": "branch", "type": "string", "constraints": {"required": True}},
                    {"name": "number", "type": "integer", "constraints": {"required": True, "minimum": 1}},
                    {"name": "isbn", "type": "integer", "constraints": {"required": True, "maximum": 9999999999999}},
                    {"name": "acquired", "type": "datetime"},
                ],
                "primaryKey": ["branch", "number"],
                "foreignKeys": [
                    {"fields": ["branch"], "reference": {"resource": "branches", "fields": ["code"]}},
                    {"fields": ["isbn"], "reference": {"resource": "titles", "fields": ["isbn"]}},
                ],
            },
        },
    ],
}
