"""What JSON Schema can say of values that are parsed elsewhere: windows, predicates, and what accounts are made of."""

from typing import Any

from tailrace.accounts.chosen import EMAIL_PATTERN, SHORTEST_PASSWORD
from tailrace.model.access import EVERYTHING, ID_PATTERN, SCOPES
from tailrace.model.fields import FIELDS
from tailrace.model.predicates import OPS

_SCALAR = {"type": ["string", "number", "boolean"]}

WINDOW: dict[str, Any] = {
    "anyOf": [
        {"properties": {"axis": {"const": "available"}}},
        {"required": ["from", "to"], "properties": {"from": {"type": "string"}, "to": {"type": "string"}}},
    ]
}

PREDICATE: dict[str, Any] = {
    "properties": {
        "param": {"type": ["string", "null"]},
        "field": {"enum": [*FIELDS, None]},
        "op": {"enum": list(OPS)},
        "value": {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR, "minItems": 1}, {"type": "null"}]},
    },
    "required": ["op"],
    "additionalProperties": False,
    "oneOf": [
        {"required": ["param"], "properties": {"param": {"type": "string"}, "field": {"type": "null"}}},
        {"required": ["field"], "properties": {"field": {"type": "string"}, "param": {"type": "null"}}},
    ],
}

ID: dict[str, Any] = {"pattern": ID_PATTERN}
APP_OR_ALL: dict[str, Any] = {"pattern": rf"^\*$|{ID_PATTERN}"}
SCOPE_OR_ALL: dict[str, Any] = {"enum": [EVERYTHING, *SCOPES]}
USER_ID: dict[str, Any] = {"pattern": "^usr_[1-9][0-9]{0,17}$"}
EMAIL: dict[str, Any] = {"pattern": rf"^\s*{EMAIL_PATTERN}\s*$"}  # blanks around it are left out
PASSWORD: dict[str, Any] = {"minLength": SHORTEST_PASSWORD}
