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
    "limits": "tests/contract/native/test_limits.py",
    "exports": "tests/contract/native/test_exports.py",
    "asking": "tests/contract/native/test_asking.py",
    "deliveries": "tests/contract/native/test_deliveries.py",
    "status": "tests/contract/native/test_status.py",
    "bulk": "tests/contract/native/test_bulk.py",
    "estimates": "tests/unit/exports/test_estimating.py",
    "watcher": "tests/unit/web/test_watcher.py",
    "files": "tests/contract/native/test_files.py",
    "errors": "tests/contract/native/test_errors.py",
    "accounts": "tests/contract/native/test_accounts.py",
    "logins": "tests/contract/native/test_logins.py",
    "setup": "tests/contract/native/test_setup.py",
    "quotas": "tests/contract/native/test_quotas.py",
    "openapi": "tests/contract/native/test_openapi.py",
    "isolation": "tests/contract/test_isolation.py",
    "profiles": "tests/contract/native/test_profiles.py",
    "rates": "tests/unit/ingest/test_rates.py",
    "users": "tests/contract/devtodev/test_content_users.py",
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
    "observing": "tests/unit/web/test_observing.py",
    "writer": "tests/unit/ingest/test_writer.py",
    "provisioning": "tests/unit/accounts/test_provisioning.py",
    "windows": "tests/contract/flurry/test_windows.py",
    "too_much": "tests/contract/flurry/test_too_much.py",
}

# How a statement begins -> the tests of it, as module.test; or why it needs none.
PROFILES = "profiles.test_what_is_set_stands_over_what_is_said_until_it_is_taken_back"
TABLE: tuple[tuple[str, str], ...] = (
    ("The native API lives below", "isolation.test_every_route_is_closed_to_strangers"),
    ("Bodies and answers are JSON", "errors.test_every_reply_is_a_problem_document"),
    ("Keys that a request does not know", "exports.test_what_is_wrong_is_named"),
    ("Every error is a [problem document]", "errors.test_every_reply_is_a_problem_document"),
    (
        "Every operation and document stands",
        "docs.test_every_operation_is_documented docs.test_every_document_is_documented "
        "openapi.test_it_is_served_to_all_and_cacheable",
    ),
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
    ("`warnings`, which is only there", "events.test_odd_standard_events_are_stored_and_warned_of"),
    ("Amounts in a currency without an", "rates.test_what_needs_no_rate_and_what_has_none"),
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
    ("`wait_until_complete`", "asking.test_an_export_waits_until_its_window_is_complete"),
    ("`after`", "exports.test_a_chain_holds_each_event_once exports.test_what_is_wrong_is_named"),
    (
        "A choice that no format can carry",
        "exports.test_what_is_wrong_is_named forms.test_every_combination_is_made_or_refused",
    ),
    ("A window may be of any length", "asking.test_any_window_length_works"),
    ("The answer is `202`", "exports.test_asking"),
    ("Poll `GET /v1/exports/{id}`", "exports.test_asking"),
    ("`state` is one of", "exports.test_states_and_what_is_not_ready"),
    ("`request` is what was asked", "asking.test_a_request_can_be_sent_as_it_was_answered"),
    ("Send `Idempotency-Key: TEXT`", "asking.test_a_key_that_cannot_be_is_named"),
    (
        "The same key with the same request",
        "asking.test_a_key_makes_one_export asking.test_one_key_at_the_same_time",
    ),
    ("With another request it is `422`", "asking.test_a_key_makes_one_export"),
    ("A key belongs to the user", "asking.test_a_key_belongs_to_its_user asking.test_a_key_lives_for_a_day"),
    ("A request that was refused", "asking.test_a_refused_request_uses_up_no_key"),
    ("`expires_at` says until when", "exports.test_files_have_a_life"),
    ("After that its state is `expired`", "exports.test_files_have_a_life"),
    ("`DELETE /v1/exports/{id}` cancels", "exports.test_cancelling_what_waits exports.test_cancelling_what_runs"),
    ("It needs the scope `exports.create`", "exports.test_scopes"),
    ("One that waits is", "exports.test_cancelling_what_waits"),
    ("One that runs ends", "exports.test_cancelling_what_runs"),
    ("An export that has ended stays", "exports.test_cancelling_what_has_ended"),
    ("`deliveries` of a request says", "deliveries.test_a_webhook_is_asked_for_seen_and_repeated"),
    ("They are [jobs of their own]", "deliveries.test_a_webhook_is_asked_for_seen_and_repeated"),
    ("`POST /v1/exports/{id}:rerun` asks", "asking.test_a_rerun_asks_for_the_same"),
    ("It takes an `Idempotency-Key` too", "asking.test_a_key_makes_one_export"),
    ("`POST /v1/exports:estimate` takes", "asking.test_an_estimate_makes_no_export"),
    ("It answers from the statistics", "asking.test_an_estimate_makes_no_export"),
    ("`events` and `bytes` are about", "asking.test_an_estimate_makes_no_export"),
    ("There are no more events", "asking.test_an_estimate_makes_no_export"),
    (
        "`seconds` is how long",
        "estimates.test_only_telling_exports_of_the_space_count estimates.test_the_speed_is_what_recent_exports_say",
    ),
    ("`GET /v1/exports` lists", "asking.test_exports_are_listed_newest_first"),
    ("`app` and `state` choose", "asking.test_exports_are_listed_newest_first"),
    ("`limit` is how many", "asking.test_what_is_wrong_with_a_list_is_named"),
    ("`next` is what to send", "asking.test_exports_are_listed_newest_first"),
    ("`GET /v1/exports/{id}` has an `ETag`", "status.test_a_status_that_is_known_is_not_sent_again"),
    ("Send it as `If-None-Match`", "status.test_a_status_that_is_known_is_not_sent_again"),
    (
        "`GET /v1/exports/{id}?wait=SECONDS`",
        "status.test_a_long_poll_answers_when_the_state_changes status.test_a_long_poll_ends_when_its_time_is_over "
        "status.test_no_poll_is_longer_than_a_minute",
    ),
    ("With an `If-None-Match` that is older", "status.test_a_long_poll_ends_when_its_time_is_over"),
    ("`GET /v1/exports/{id}/progress` is", "status.test_a_stream_tells_every_change_until_the_end"),
    ("Each `progress` has", "status.test_a_stream_tells_every_change_until_the_end"),
    (
        "A stream lasts five minutes at most",
        "status.test_a_quiet_stream_is_kept_alive_and_has_an_end status.test_the_page_names_its_numbers "
        "status.test_a_server_that_stops_ends_streams_and_polls_in_order",
    ),
    ("Comments keep quiet", "status.test_a_quiet_stream_is_kept_alive_and_has_an_end"),
    ("So many clients may wait", "status.test_places_are_bounded watcher.test_a_space_has_half_of_the_places"),
    ("With `wait_until_complete` an export", "asking.test_an_export_waits_until_its_window_is_complete"),
    ("`waiting_for` says how far", "asking.test_an_export_waits_until_its_window_is_complete"),
    ("It reads what is there at the first look", "asking.test_an_export_waits_until_its_window_is_complete"),
    ("Looks come after an eighth", "asking.test_looks_become_rarer"),
    (
        "Waiting is no failure",
        "asking.test_an_export_waits_until_its_window_is_complete asking.test_a_waiting_export_can_be_cancelled",
    ),
    ("The window may end as far ahead", "asking.test_a_window_that_is_not_over_is_not_looked_at_before"),
    ("What arrives after the look", "exports.test_windows_on_other_axes_name_their_snapshot"),
    ("An availability window that waits", "asking.test_a_window_that_is_not_over_is_not_looked_at_before"),
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
    ("`url` of a file is a link", "files.test_a_link_needs_no_token files.test_the_life_of_links_is_a_policy"),
    ("After that it is answered", "files.test_a_link_ends files.test_a_link_ends_with_its_export"),
    ("An altered link", "isolation.test_a_link_opens_its_own_file_and_nothing_else"),
    ("`GET /v1/exports/{id}/files/{name}`", "files.test_a_token_opens_a_file_without_a_link"),
    ("A file can be had whole", "files.test_ranges_of_a_file"),
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
    ("Clients for the [FHIR", "bulk.test_a_bulk_client_gets_everything_by_type"),
    ("`GET /v1/$export?app=APP`", "bulk.test_a_bulk_client_gets_everything_by_type"),
    ("The answer is `202` with `Content-Location`", "bulk.test_a_bulk_client_gets_everything_by_type"),
    ("`app` | the app", "bulk.test_a_bulk_client_gets_everything_by_type"),
    ("`_since`", "bulk.test_the_transaction_time_goes_on_as_since"),
    ("`_type`", "bulk.test_the_transaction_time_goes_on_as_since"),
    (
        "`_outputFormat`",
        "bulk.test_the_transaction_time_goes_on_as_since bulk.test_what_is_wrong_with_a_kick_off_is_named",
    ),
    (
        "The content location answers",
        "bulk.test_progress_and_deletion_of_one_that_runs bulk.test_a_bulk_client_gets_everything_by_type",
    ),
    ("Send `transactionTime` as `_since`", "bulk.test_the_transaction_time_goes_on_as_since"),
    ("One that has failed is `500`", "bulk.test_deletion_of_one_that_has_ended"),
    ("`DELETE` of the content location", "bulk.test_progress_and_deletion_of_one_that_runs"),
    (
        "It cancels the export",
        "bulk.test_progress_and_deletion_of_one_that_runs bulk.test_deletion_of_one_that_has_ended",
    ),
    ("Here it is `404`", "bulk.test_deletion_of_one_that_has_ended"),
    ("Behind it are exports", "bulk.test_any_export_has_a_bulk_manifest"),
    ("`GET /v1/apps/{id}/profiles?actor=d1`", PROFILES),
    ("The actor is the `device_id`", "profiles.test_a_user_who_was_not_seen_yet"),
    ("Any key of a [profile]", f"{PROFILES} profiles.test_what_no_profile_can_hold_is_refused"),
    ("It stands over what senders say", PROFILES),
    ("`attributes` are set key by key", PROFILES),
    ("The answer is what is known now", PROFILES),
    ("A change is durable when it is answered", f"{PROFILES} users.test_what_is_set_of_users_counts_from_then_on"),
    ("Rows of events show what senders said", "users.test_what_is_set_of_users_counts_from_then_on"),
    ("`POST /v1/tokens`", "accounts.test_a_password_gives_a_token"),
    ("Name `scopes`, `apps`", "accounts.test_a_password_gives_a_token exports.test_scopes"),
    ("More stands in [accounts]", "accounts.*"),
    ("Every error is `application/problem+json`", "errors.test_every_reply_is_a_problem_document"),
    ("Every answer has an `X-Request-ID`", "observing.test_a_harmless_id_is_kept"),
    ("Errors from 500 on name it", "observing.test_a_failure_is_answered_and_told_once"),
    *(
        (f"`{code}` | ", f"errors.test_a_reply_is_as_it_was {tests}".strip())
        for code, tests in {
            "invalid_request": "exports.test_what_is_wrong_is_named",
            "malformed_body": "events.test_a_body_that_cannot_be_read_stores_nothing",
            "window_in_future": "exports.test_windows_of_availability_in_clock_time",
            "window_too_long": "windows.test_the_longest_period",
            "window_too_old": "windows.test_how_long_ago_is_a_setting",
            "too_much_data": "too_much.test_the_week_is_named_where_every_week_fits",
            "unauthorized": "events.test_the_key_may_come_as_bearer_or_as_basic_user",
            "forbidden": "exports.test_scopes",
            "above_your_rights": "accounts.test_nobody_gives_more_than_he_has",
            "csrf_refused": "logins.test_a_cookie_alone_changes_nothing",
            "setup_refused": "setup.test_a_link_works_once",
            "link_expired": "files.test_a_link_ends",
            "not_found": "exports.test_what_is_not_there_is_not_found",
            "no_such_path": "exports.test_wrong_paths_and_methods_are_problems_too",
            "method_not_allowed": "exports.test_wrong_paths_and_methods_are_problems_too",
            "too_slow": "limits.test_a_sender_that_is_too_slow_is_let_go",
            "not_ready": "exports.test_states_and_what_is_not_ready",
            "cursor_refused": "exports.test_a_cursor_that_cannot_continue_says_why",
            "last_admin": "accounts.test_a_space_keeps_an_admin",
            "taken": "accounts.test_what_is_taken",
            "expired": "exports.test_files_have_a_life",
            "body_too_large": "events.test_a_body_over_the_limit_stores_nothing",
            "too_many_records": "events.test_too_many_records_store_nothing",
            "range_not_satisfiable": "files.test_ranges_of_a_file",
            "idempotency_mismatch": "asking.test_a_key_makes_one_export",
            "too_many_running": "exports.test_too_many_running",
            "locked": "logins.test_wrong_passwords_lock_for_longer_and_longer",
            "quota_spent": "quotas.test_exports_per_day",
            "too_soon": "quotas.test_requests_of_a_token",
            "internal": "errors.test_an_inner_failure_tells_nothing_of_the_inside",
            "fence_lost": "errors.test_an_inner_failure_tells_nothing_of_the_inside",
            "export_failed": "errors.test_an_inner_failure_tells_nothing_of_the_inside",
            "too_many_waiting": "status.test_places_are_bounded",
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
