"""Kin: a session, the states in it, the events in those, and what is listed in them, as rows of a kind each.

States are found among events: an event of the kind `state` or `screen` is one itself, others name the one that they are
in. What of such rows is no canonical field stands here.
"""

from typing import Literal

from tailrace.model.fields import Field

Kin = Literal["session", "state", "event", "param", "attribute", "experiment"]
STATE_KINDS = ("state", "screen")  # of events that are states

DERIVED: dict[str, Field] = {
    field.name: field
    for field in (
        Field("session_key", "text", "session", "scan", "Digits; a late fragment that is shown alone has its own."),
        Field("user_bucket", "int", "session", "scan", "Hash of the actor, 0 to 999."),
        Field("had_tester", "bool", "session", "scan", "Whether any event of the session was a tester's."),
        Field("states", "json", "session", "scan", "The session's states, a list."),
        Field("experiment_list", "json", "session", "scan", "The session's experiments, a list."),
        Field("state_key", "int", "event", "scan", "Hash of the state event's id, or of the session and a name."),
        Field("state_name", "text", "event", "scan", "That of the state event, else the one that its events give."),
        Field("state_events", "json", "event", "scan", "The events in the state, a list."),
        Field("owner_key", "int", "event", "scan", "Number of the event, or key of the state, that has a parameter."),
        Field("member_name", "text", "event", "scan", "Name of a parameter or attribute."),
        Field("member_value", "any", "event", "scan", "Its value."),
        Field("experiment_id", "int", "event", "scan", "Id of an experiment; the hash of one that is no number."),
        Field("variant_id", "int", "event", "scan", "Id of its variant, likewise."),
        Field("impressed", "bool", "event", "scan", "Whether the variant was shown."),
    )
}

# Canonical fields from which these are made.
KIN_SOURCES = (
    *("id", "event", "time", "kind", "state", "state_id", "number", "is_tester", "params"),
    *("session_number", "fragment", "actor", "experiments", "user_attributes"),
)
