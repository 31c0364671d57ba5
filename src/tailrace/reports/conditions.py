"""Conditions: which values of a dimension a report looks at."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

from msgspec import Struct

Operator = Literal["in", "notin", "contains", "startsWith"]
OPERATORS: tuple[Operator, ...] = get_args(Operator)

_HOLDS: Mapping[Operator, Callable[[str, Sequence[str]], bool]] = {
    "in": lambda text, values: text in values,
    "notin": lambda text, values: text not in values,
    "contains": lambda text, values: any(value in text for value in values),
    "startsWith": lambda text, values: text.startswith(tuple(values)),
}


class Condition(Struct, frozen=True):
    """One condition on an attribute of a dimension: one of the values for what is positive, none for `notin`."""

    dimension: str
    attribute: str
    operator: Operator
    values: tuple[str, ...]

    def holds(self, text: str) -> bool:
        """Whether a value of the attribute is looked at."""
        return _HOLDS[self.operator](text, self.values)
