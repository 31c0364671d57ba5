"""What the keys of documents mean where their names do not say it, and examples of documents."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tailrace.ingest.context import ProfileInput, SessionInput
from tailrace.ingest.protocols.native import Element, Signals
from tailrace.model.fields import FIELDS
from tailrace.surfaces.native.documents.accounts import (
    AppBody,
    AppDocument,
    EntryDocument,
    KeyDocument,
    LoginBody,
    LoginDocument,
    MeDocument,
    NewTokenDocument,
    PasswordBody,
    RefreshBody,
    SetupBody,
    TokenBody,
    TokenDocument,
    UserBody,
    UserChangeBody,
    UserDocument,
)
from tailrace.surfaces.native.documents.base import ProblemDocument
from tailrace.surfaces.native.documents.deliveries import (
    AttemptDocument,
    CopiedDocument,
    DeliveryDocument,
    DestinationBody,
    DestinationDocument,
    MailBody,
    S3Body,
    WebhookBody,
    WebhookKeyDocument,
)
from tailrace.surfaces.native.documents.events import AcceptedDocument, RejectedDocument, WarningDocument
from tailrace.surfaces.native.documents.exports import (
    ExportBody,
    ExportDocument,
    FileDocument,
    FiltersBody,
    ManifestDocument,
    MemberDocument,
    ProgressDocument,
    SchemaDocument,
    TotalsDocument,
    WindowBody,
)
from tailrace.surfaces.native.documents.profiles import ProfileDocument
from tailrace.surfaces.native.documents.sending import BatchBody, EventBody, PageBody


def _sent(kind: type[msgspec.Struct], prefix: str = "") -> dict[str, str]:
    """What the canonical fields say of the keys of a record, or of an object in it."""
    meanings = {field.source: field.what for field in FIELDS.values()}
    keys = [field.encode_name for field in msgspec.structs.fields(kind)]
    return {key: meanings[prefix + key] for key in keys if prefix + key in meanings}


_CONTENT = {
    "name": "What it is called in links and archives.",
    "key": "What the split put into it: a day, an hour, a number or an event name; null where there is one file.",
    "of": "`users` for the table of users, whose rows the manifest's `rows` leaves out.",
    "rows": "Rows inside, headers not counted.",
    "bytes": "Length as it is downloaded.",
    "content_sha256": "Digest of the rows, whatever their order.",
    "min_time": "The earliest event.",
    "max_time": "The latest event.",
}

_RIGHTS = {
    "scopes": "What it may do; `*` is all that its owner may.",
    "apps": "Ids of apps that it is granted; `*` is all that its owner is granted.",
}
_TOKEN = _RIGHTS | {
    "id": "What the other paths call it; it is no secret.",
    "user": "The id of its owner.",
    "owner": "The e-mail of its owner.",
    "kind": "`user` for the one token of a user, `api` for any other.",
    "expires_at": "When it ends by itself; null for never.",
    "revoked_at": "When it was ended; null unless it was.",
    "used_at": "When it was used last; null for never.",
}
_USER = {
    "role": "What it may do: its scopes are those of the role.",
    "kind": "A `person` signs in; `programmatic` has tokens only.",
    "apps": "Ids of apps that it is granted; `*` is all of the space.",
}
_WITHHELD = {"withheld": "Scopes of the role that are kept from it; a token of it has none of them either."}
_SHOWN_USER = (
    _USER
    | _WITHHELD
    | {
        "id": "What the other paths call it.",
        "disabled_at": "Since when nothing of it works; null while it is enabled.",
        "password": "Whether there is one.",
    }
)

MEANINGS: Mapping[type[msgspec.Struct], Mapping[str, str]] = {
    ProblemDocument: {
        "type": "`about:blank#` and the code.",
        "title": "The error in a few words.",
        "status": "The status of the answer.",
        "code": "Which error it is; it never changes its meaning.",
        "detail": "What happened, and what to do next.",
        "retryable": "Whether the same request can succeed later.",
    },
    BatchBody: {
        "batch": "The events. A bad one never fails the others.",
        "sent_at": "When the sender sent it by its own clock: ISO 8601 with an offset, or milliseconds since 1970.",
    },
    EventBody: _sent(EventBody)
    | {
        "id": "Your message id: the same id is stored once, however often it is sent.",
        "time": "ISO 8601 with an offset from UTC, or milliseconds since 1970; without it the time of receipt.",
        "device_id": "The device or anonymous id. It or `user_id` is needed.",
        "session_id": "Without it events of an actor belong together until a pause of 30 minutes.",
        "params": "An object of your own, kept as it was sent.",
        "session": "What is known of device, version and place.",
        "profile": "What is known of the user.",
    },
    PageBody: _sent(PageBody, "page."),
    Element: _sent(Element, "element."),
    Signals: _sent(Signals, "signals."),
    SessionInput: _sent(SessionInput, "session.") | {"end": "`true` closes the session now."},
    ProfileInput: _sent(ProfileInput, "profile."),
    AcceptedDocument: {
        "received": "Records of the request.",
        "accepted": "Records that are durable now.",
        "rejected": "Records that were not taken; they are kept as dead letters.",
        "warnings": "Standard events that were taken though no table can show their name or a parameter; at most 100.",
    },
    RejectedDocument: {"position": "Its place in the request, from 0.", "reason": "What is wrong with it."},
    WarningDocument: {"position": "Its place in the request, from 0.", "reason": "What is odd about it."},
    ExportBody: {
        "app": "The app whose events are wanted.",
        "window": "Which stretch of time.",
        "shape": "What a row is: an event, a session with its events, or a row of a table per event name.",
        "format": "How rows are written.",
        "packing": "What wraps a file's bytes; null is `gzip`, for `parquet` `none`.",
        "filters": "Which events; all that is given must hold.",
        "columns": "Which fields in which order; null is all.",
        "split": "What a file holds; null is `single`, for `sessions` `size`, for `tables` `event`.",
        "after": "The `cursor` of the previous manifest, on the axis `available` only.",
        "file_bytes": "Bytes of a file of the split `size`, before packing.",
        "json_array": "Whether a file's rows are one JSON array; for `json` only.",
        "csv_safe": "Whether texts that look like formulas get an apostrophe before them; for `csv` only.",
        "deliveries": "What is done with the export once it has ended.",
    },
    WindowBody: {
        "axis": "Which time counts: that of the event, of its session's start, or when it became available.",
        "from": "The first instant inside. Null on the axis `available` only: from the beginning.",
        "to": "The first instant outside, later than `from`. Null on the axis `available` only: up to now.",
    },
    FiltersBody: {
        "events": "Event names; empty is all.",
        "versions": "App versions; empty is all.",
        "where": "Conditions on parameters and fields.",
    },
    ExportDocument: {
        "id": "What the other paths call it.",
        "progress": "How far it is.",
        "finished_at": "When it ended; null until then.",
        "expires_at": "Until when its files are kept; null until it has succeeded.",
        "error": "What it waits for, or why it failed.",
        "request": "What was asked for, complete: it can be sent again.",
    },
    S3Body: {
        "destination": "The name of a stored destination, which brings bucket and credentials.",
        "prefix": "What keys begin with, such as `dirname/`; behind that of a stored destination.",
        "endpoint": "URL of a server that is not AWS.",
        "path_style": "Whether the bucket stands in the path; null: yes with an endpoint.",
        "encryption": "How objects are encrypted there.",
        "kms_key": "The key of the encryption `aws:kms`.",
        "storage_class": "As S3 has it, such as `STANDARD_IA`.",
        "secret_access_key": "Encrypted before it is kept, and never shown.",
        "compress": "Whether files that are not packed are packed with gzip; their names get `.gz`.",
        "by_export": "Whether keys have a folder of the export's id.",
        "manifest": "The name of the manifest, which is written last; empty: none.",
    },
    WebhookBody: {
        "destination": "The name of a stored destination, which brings URL and secret.",
        "url": "Encrypted before it is kept; only its host is shown.",
        "secret": "The key of its signature, `whsec_` and base64; empty: that of the space.",
        "after_copies": "Whether it waits for all copies to S3 of the export.",
    },
    MailBody: {"to": "Addresses of users of the space; null: whoever asks."},
    DestinationBody: {"name": "What requests call it.", "target": "As in `deliveries` of an export."},
    DestinationDocument: {"where": "Bucket and prefix, or host."},
    DeliveryDocument: {
        "state": "`waiting` for its export, `pending` while it is tried, then `delivered`, `failed`, or `void`.",
        "where": "Bucket and prefix, host, or addresses.",
        "error": "Why it failed, or why it is tried again.",
        "next_try_at": "Until when it waits to be tried; null if it need not wait.",
        "copied": "What a copy to S3 has brought there.",
        "replay_of": "The delivery that it repeats.",
        "attempts": "Its log.",
    },
    CopiedDocument: {"key": "Of the object in the bucket."},
    AttemptDocument: {"ms": "How long it took.", "outcome": "`again`: it is tried again later."},
    WebhookKeyDocument: {"secret": "`whsec_` and base64, as libraries of Standard Webhooks take it."},
    ProgressDocument: {
        "slices": "Pieces of work; null until it is planned.",
        "slices_done": "Pieces that are done.",
        "percent": "100 only when it has succeeded.",
    },
    TotalsDocument: {
        "events": "Events that the app had.",
        "fragments": "Sessions, counting each of their later parts.",
    },
    FileDocument: _CONTENT
    | {
        "url": "Where to download it.",
        "sha256": "Digest of its bytes.",
        "members": "The files of an archive; null for other files.",
    },
    MemberDocument: _CONTENT,
    SchemaDocument: {"name": _CONTENT["name"], "url": "Where to download it.", "sha256": "Digest of its bytes."},
    ManifestDocument: {
        "version": "Of the manifest's own keys.",
        "release": "Of the Tailrace that made the files.",
        "timezone_rules": "Release of the time-zone database.",
        "schema_version": "Of the canonical fields.",
        "epoch": "The life of the store; a restore begins a new one.",
        "snapshot_seq": "The commit that was exported.",
        "complete_through": "Up to where nothing that had arrived is missing.",
        "window": "As it was resolved.",
        "cursor": "Send it as `after` to go on; null on other axes than `available`.",
        "previous_cursor": "The `after` of the request.",
        "totals_before": "The app's counts before this increment; null on other axes than `available`.",
        "totals_after": "The app's counts after this increment; null on other axes than `available`.",
        "filtered": "Whether the request had filters.",
        "rows": "Rows of all files but those of users.",
        "bytes": "Length of all files together.",
        "files": "What there is to download, in order.",
        "schema": "A JSON Schema of the rows.",
    },
    TokenBody: _RIGHTS
    | {
        "name": "Words of your own, to know it again.",
        "user": "The id of its owner; null is the caller.",
        "expires_in": "Seconds that it lives. Either this or `expires_at`.",
        "expires_at": "When it ends. With neither it lives as long as the token that asks for it.",
    },
    RefreshBody: {"grace": "Seconds that the old text still works."},
    TokenDocument: _TOKEN,
    NewTokenDocument: _TOKEN | {"token": "Its text, to be sent as Bearer."},
    UserBody: _USER
    | {
        "email": "What it signs in with; unique in the space.",
        "password": "Null for a user who does not sign in.",
    },
    UserChangeBody: _WITHHELD
    | {
        "password": "Ends the user's login sessions.",
        "disabled": "`true` ends all that the user can do at once; `false` gives it back.",
    },
    UserDocument: _SHOWN_USER,
    MeDocument: _SHOWN_USER
    | {
        "scopes": "What the credential may do.",
        "granted": "Ids of apps that the credential is granted; `*` is all of the space.",
        "token": "The one token of the user; null until it is made.",
        "csrf": "What goes along as X-CSRF-Token; null unless it is a login session.",
    },
    AppBody: {"id": "What everything calls it; it is part of paths.", "name": "Words for people; empty is the id."},
    AppDocument: {
        "write_key": "What events are sent with.",
        "api_key": "What names the app where a dialect wants a key.",
        "export_key": "Whether there is one.",
    },
    KeyDocument: {"value": "The key itself."},
    PasswordBody: {"current": "The one that holds.", "password": "The one that shall hold."},
    LoginBody: {"space": "Its id; null finds the first space that knows the e-mail."},
    LoginDocument: {"expires_at": "When the session ends at the latest.", "user": "The id of the user."},
    SetupBody: {"token": "What the link of `tailrace serve` carries.", "space": "Its id; it is made."},
    ProfileDocument: {
        "seq": "The commit as of which it is known.",
        "number": "The user's number in the app, in exports too.",
        "user_id": "The last user id that was sent together with the device id.",
        "profile": "What senders said, under what was set.",
        "set": "What of it was set.",
    },
    EntryDocument: {
        "who": "The e-mail, or the command.",
        "user": "The id of the user; null for who is none.",
        "token": "The id of the token; null where none was used.",
        "app": "The id of the app that it was done to; null for none.",
        "address": "Where the request came from.",
    },
}

# Keys of queries, whichever query it is.
PARAMETERS: Mapping[str, str] = {
    "address": "Who wants no more mail, as a link in it gives it.",
    "space": "Of whose exports, as such a link gives it.",
    "after": "The `next` of the page before, unchanged.",
    "app": "Only what belongs to this app.",
    "limit": "How many a page has at most.",
    "state": "Only those in this state.",
    "user": "Only those of this user.",
    "ended": "Also those that do not work any more.",
    "action": "Only what was done like this.",
    "from": "Only since this instant.",
    "to": "Only before this instant.",
    "wait": "Seconds to wait for news, if there is none yet.",
    "expires": "Until when a link is good, in seconds since 1970, as a manifest gives it.",
    "signature": "What makes a link good without a token, as a manifest gives it.",
    "actor": "The device or anonymous id of the user's events, else their user id.",
    "_type": "Event names, separated by commas; without it all.",
    "_since": "Only what became available after this instant.",
    "_outputFormat": "How rows are written; NDJSON by any of its names.",
}

EXAMPLES: Mapping[type[msgspec.Struct], Sequence[Any]] = {
    BatchBody: (
        {
            "batch": [
                {
                    "id": "e1",
                    "event": "Level Up",
                    "time": "2026-01-02T03:04:05.678Z",
                    "user_id": "u1",
                    "device_id": "d1",
                    "session_id": "s1",
                    "params": {"level": 7},
                    "session": {"app_version": "1.2", "country": "DE"},
                    "profile": {"gender": "female"},
                }
            ],
            "sent_at": "2026-01-02T03:04:06Z",
        },
    ),
    AcceptedDocument: (
        {
            "received": 2,
            "accepted": 1,
            "rejected": [{"position": 1, "reason": "no identity: give device_id or user_id"}],
        },
    ),
    ExportBody: (
        {"app": "app_waves", "window": {"axis": "available"}},
        {
            "app": "app_waves",
            "window": {"axis": "event_time", "from": "2026-02-01T00:00:00Z", "to": "2026-03-01T00:00:00Z"},
            "shape": "sessions",
            "format": "csv",
            "packing": "zip",
            "filters": {"where": [{"param": "level", "op": "gt", "value": 5}]},
        },
    ),
    ProblemDocument: (
        {
            "type": "about:blank#not_ready",
            "title": "Not ready",
            "status": 409,
            "code": "not_ready",
            "detail": "The export is running; its manifest exists once it has succeeded.",
            "retryable": True,
            "state": "running",
        },
    ),
}
