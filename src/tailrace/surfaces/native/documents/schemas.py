"""What JSON Schema can say of values that are parsed elsewhere: windows and predicates."""

from typing import Any

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
