"""The numbered table of docs/api.md: each statement, and the test that proves it or the reason why none can.

A statement that is added to or changed in the page fails here until it has a row; a row whose test is gone fails too.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "api.md").read_text("utf-8")
MODULES = {
    "events": "tests/contract/native/test_events.py",
    "exports": "tests/contract/native/test_exports.py",
    "errors": "tests/contract/native/test_errors.py",
    "accounts": "tests/contract/native/test_accounts.py",
    "logins": "tests/contract/native/test_logins.py",
    "setup": "tests/contract/native/test_setup.py",
    "quotas": "tests/contract/native/test_quotas.py",
    "isolation": "tests/contract/test_isolation.py",
    "docs": "tests/docs/test_docs.py",
    "fields": "tests/docs/test_fields.py",
    "chains": "tests/journeys/test_chains.py",
    "bodies": "tests/unit/formats/test_bodies.py",
    "csv": "tests/unit/formats/test_csv.py",
    "formats": "tests/journeys/test_formats.py",
    "forms": "tests/unit/exports/test_forms.py",
    "splits": "tests/unit/exports/test_splits.py",
    "tables": "tests/unit/exports/test_tables.py",
    "verify": "tests/unit/exports/test_verify_forms.py",
    "writer": "tests/unit/ingest/test_writer.py",
    "provisioning": "tests/unit/accounts/test_provisioning.py",
}

# How a statement begins -> the tests of it, as module.test; or why it needs none.
TABLE: tuple[tuple[str, str], ...] = (
    ("The native API lives below", "isolation.test_every_route_is_closed_to_strangers"),
    ("Bodies and answers are JSON", "errors.test_every_reply_is_a_problem_document"),
    ("Keys that a request does not know", "exports.test_what_is_wrong_is_named"),
    ("Every error is a [problem document]", "errors.test_every_reply_is_a_problem_document"),
    ("`POST /v1/events` with the app's write key", "events.test_the_key_may_come_as_bearer_or_as_basic_user"),
    ("The body is one batch, or one event per line", "events.test_the_content_type_does_not_matter"),
    ("It may be gzip or zstd", "events.test_the_content_type_does_not_matter"),
    ("`event` | yes", "events.test_a_bad_record_never_fails_its_batch"),
    ("`device_id` or `user_id`", "events.test_whose_event_it_is"),
    (
        "`id` | no",
        "events.test_the_same_id_is_stored_once events.test_without_an_id_content_place_and_sent_at_decide "
        "events.test_without_id_and_any_time_every_copy_is_kept",
    ),
    ("`time` | no", "events.test_times"),
    ("`session_id` | no", "events.test_whose_event_it_is"),
    ("`params` | no", "events.test_params_come_out_as_they_were_sent"),
    ("`session` | no", "events.test_what_a_session_is_may_be_said_once"),
    ("`session.end` | no", "events.test_the_end_of_a_session_makes_it_exportable"),
    ("`profile` | no", "events.test_a_batch_comes_out_as_it_went_in"),
    ("others | no", "fields.*"),
    ("The answer is `200` once every good record", "writer.test_what_waits_goes_in_together"),
    ("A bad record never fails its batch", "events.test_a_bad_record_never_fails_its_batch"),
    (
        "A body that cannot be read at all",
        "events.test_a_body_that_cannot_be_read_stores_nothing events.test_a_body_over_the_limit_stores_nothing",
    ),
    ("A session becomes exportable when", "events.test_the_end_of_a_session_makes_it_exportable"),
    ("An event that comes later", "events.test_the_end_of_a_session_makes_it_exportable"),
    ("`POST /v1/exports` with a token", "exports.test_asking"),
    ("`window.axis`", "exports.test_windows_are_half_open"),
    ("`window.from`, `window.to`", "exports.test_windows_are_half_open exports.test_what_is_wrong_is_named"),
    ("`shape`", "formats.test_every_format_holds_just_what_was_sent exports.test_defaults_go_by_shape_and_format"),
    ("`format`", "formats.test_every_format_holds_just_what_was_sent"),
    ("`packing`", "formats.test_every_packing_holds_the_same_bytes exports.test_defaults_go_by_shape_and_format"),
    ("`filters.events`", "exports.test_filters_and_columns exports.test_what_is_wrong_is_named"),
    ("`filters.where`", "exports.test_predicates_choose_events"),
    ("`columns`", "exports.test_filters_and_columns"),
    ("`split`", "splits.test_every_row_is_in_the_file_of_its_key exports.test_defaults_go_by_shape_and_format"),
    ("`file_bytes`", "splits.test_files_of_a_size"),
    ("`json_array`", "formats.test_every_format_holds_just_what_was_sent"),
    ("`csv_safe`", "csv.test_a_text_like_a_formula_is_guarded_on_request"),
    ("`after`", "exports.test_a_chain_holds_each_event_once exports.test_what_is_wrong_is_named"),
    (
        "A choice that no format can carry",
        "exports.test_what_is_wrong_is_named forms.test_every_combination_is_made_or_refused",
    ),
    ("The answer is `202`", "exports.test_asking"),
    ("Poll `GET /v1/exports/{id}`", "exports.test_asking"),
    ("`state` is one of", "exports.test_states_and_what_is_not_ready"),
    ("`expires_at` says until when", "exports.test_files_have_a_life"),
    ("After that its state is `expired`", "exports.test_files_have_a_life"),
    ("`DELETE /v1/exports/{id}` cancels", "exports.test_cancelling_what_waits exports.test_cancelling_what_runs"),
    ("It needs the scope `exports.create`", "exports.test_scopes"),
    ("One that waits is", "exports.test_cancelling_what_waits"),
    ("One that runs ends", "exports.test_cancelling_what_runs"),
    ("An export that has ended stays", "exports.test_cancelling_what_has_ended"),
    ("Axis `available` with", "exports.test_windows_are_half_open"),
    ("Its manifest has a `cursor`", "exports.test_a_chain_holds_each_event_once"),
    ("Late events come in the increment", "exports.test_a_chain_holds_each_event_once"),
    ("Format and columns may change", "exports.test_a_cursor_that_cannot_continue_says_why"),
    ("A window on `available` in clock time", "exports.test_windows_of_availability_in_clock_time"),
    ("Windows on `event_time`", "exports.test_windows_on_other_axes_name_their_snapshot"),
    ("`snapshot_seq` says which", "exports.test_windows_on_other_axes_name_their_snapshot"),
    ("`complete_through` says", "exports.test_windows_on_other_axes_name_their_snapshot"),
    ("What arrives later", "exports.test_windows_on_other_axes_name_their_snapshot"),
    ("`GET /v1/exports/{id}/manifest`", "exports.test_the_manifest_describes_its_files"),
    ("`key` is what the split put", "splits.test_every_row_is_in_the_file_of_its_key"),
    ("`members` lists", "formats.test_every_split_holds_each_row_once verify.test_every_form_is_proven"),
    ("`of` is `users`", "tables.test_users_count_what_was_sent"),
    ("`schema` is a file too", "formats.test_every_format_holds_just_what_was_sent"),
    ("An empty result is a success", "exports.test_a_chain_holds_each_event_once"),
    ("Totals count the app's commits", "exports.test_a_chain_holds_each_event_once"),
    ("They are null on the other axes", "exports.test_windows_on_other_axes_name_their_snapshot"),
    ("`GET /v1/exports/{id}/files/{name}`", "exports.test_the_manifest_describes_its_files"),
    ("Its `Content-Type` is", "exports.test_the_manifest_describes_its_files"),
    ("A gzip file is one member", "bodies.test_a_reader_that_stops_after_the_first_stream_reads_everything"),
    ("`content_sha256` is a digest", "exports.test_the_manifest_describes_its_files"),
    ("Two stores with the same rows", "exports.test_two_stores_with_the_same_rows_give_the_same_digest"),
    ("Put the manifest as `manifest.json`", "exports.test_the_manifest_describes_its_files"),
    ("Of Parquet tables", "verify.test_every_form_is_proven"),
    ("In JSON, one object per line", "exports.test_rows"),
    ("`id`, `event`, `time`", "exports.test_rows"),
    ("Times are ISO 8601", "exports.test_rows"),
    ("Rows come in the order", "exports.test_rows"),
    ("`POST /v1/tokens`", "accounts.test_a_password_gives_a_token"),
    ("Name `scopes`, `apps`", "accounts.test_a_password_gives_a_token accounts.* exports.test_scopes"),
    ("Every error is `application/problem+json`", "errors.test_every_reply_is_a_problem_document"),
    *(
        (f"`{code}` | ", f"errors.test_a_reply_is_as_it_was {tests}".strip())
        for code, tests in {
            "invalid_request": "exports.test_what_is_wrong_is_named",
            "malformed_body": "events.test_a_body_that_cannot_be_read_stores_nothing",
            "window_in_future": "exports.test_windows_of_availability_in_clock_time",
            "unauthorized": "events.test_the_key_may_come_as_bearer_or_as_basic_user",
            "forbidden": "exports.test_scopes",
            "above_your_rights": "accounts.test_nobody_gives_more_than_he_has",
            "csrf_refused": "logins.test_a_cookie_alone_changes_nothing",
            "setup_refused": "setup.test_a_link_works_once",
            "not_found": "exports.test_what_is_not_there_is_not_found",
            "no_such_path": "exports.test_wrong_paths_and_methods_are_problems_too",
            "method_not_allowed": "exports.test_wrong_paths_and_methods_are_problems_too",
            "not_ready": "exports.test_states_and_what_is_not_ready",
            "cursor_refused": "exports.test_a_cursor_that_cannot_continue_says_why",
            "last_admin": "accounts.test_a_space_keeps_an_admin",
            "taken": "accounts.test_what_is_taken",
            "expired": "exports.test_files_have_a_life",
            "body_too_large": "events.test_a_body_over_the_limit_stores_nothing",
            "too_many_records": "events.test_too_many_records_store_nothing",
            "too_many_running": "exports.test_too_many_running",
            "locked": "logins.test_wrong_passwords_lock_for_longer_and_longer",
            "quota_spent": "quotas.test_exports_per_day",
            "too_soon": "quotas.test_requests_of_a_token",
            "internal": "errors.test_an_inner_failure_tells_nothing_of_the_inside",
            "fence_lost": "errors.test_an_inner_failure_tells_nothing_of_the_inside",
            "export_failed": "errors.test_an_inner_failure_tells_nothing_of_the_inside",
            "unavailable": "writer.test_a_failing_database_fails_all_who_wait_and_stores_none",
        }.items()
    ),
)


def statements() -> Iterator[str]:
    """The sentences and rows of tables of the page, examples and headings left out."""
    text = re.sub(r"^```.*?^```", "", PAGE, flags=re.DOTALL | re.MULTILINE)
    for paragraph in re.split(r"\n\s*\n", text):
        lines = paragraph.strip().splitlines()
        if not lines or lines[0].startswith("#"):
            continue
        if lines[0].startswith("|"):
            yield from (line.strip("| ") for line in lines[2:])
        else:
            yield from re.split(r"(?<=[.;]) (?=[A-Z`])", " ".join(line.strip() for line in lines))


def defined(module: str) -> set[str]:
    """The tests of a module."""
    tree = ast.parse((ROOT / MODULES[module]).read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_statement_has_its_row() -> None:
    """The page and the table have the same statements in the same order."""
    found = list(statements())
    for number, (statement, (begin, _)) in enumerate(zip(found, TABLE, strict=False), start=1):
        assert statement.startswith(begin), f"statement {number}: {statement!r}"
    assert len(found) == len(TABLE)


def test_every_row_names_tests_that_there_are() -> None:
    """No row points to a test that was renamed or removed."""
    for begin, tests in TABLE:
        for name in tests.split():
            module, _, test = name.partition(".")
            assert test in defined(module) or (test == "*" and defined(module)), (begin, name)
