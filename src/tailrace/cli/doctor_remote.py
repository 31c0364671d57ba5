"""What `doctor` can see of a server from afar, by its address and a token."""

from collections.abc import Iterator
from typing import Any

import httpx

from tailrace.cli.doctor_check import Check

_ABSENT = "/v1/exports/exp_absent"  # a token that may read exports is told that it is not there
_OF_TOKENS = {
    401: ("the server does not know it", "make a new token, or set TAILRACE_TOKEN to the right one"),
    403: ("it may not read exports", "use a token with the scope exports.read"),
}


def remote_checks(http: httpx.Client, token: str) -> Iterator[Check]:
    """Readiness, then the token if there is one, then the newest file."""
    ready = _readiness(http)
    yield ready
    if not ready.ok and "no answer" in ready.found:
        return
    if not token:
        yield Check("token", ok=True, found="none given: set TAILRACE_TOKEN to have it looked at")
        return
    headers = {"authorization": f"Bearer {token}"}
    known = _token(http, headers)
    yield known
    if known.ok:
        yield _newest_file(http, headers)


def _readiness(http: httpx.Client) -> Check:
    try:
        answer = http.get("/readyz")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Check("readiness", ok=False, found=f"no answer: {type(error).__name__}", next="see whether it runs")
    if answer.status_code == 200:
        return Check("readiness", ok=True, found="ready")
    missing = ", ".join(_document(answer).get("missing", ())) or f"status {answer.status_code}"
    return Check("readiness", ok=False, found=missing, next="look into the server's log for what it names")


def _token(http: httpx.Client, headers: dict[str, str]) -> Check:
    answer = http.get(_ABSENT, headers=headers)
    if answer.status_code == 404:
        return Check("token", ok=True, found="it may read exports")
    found, advice = _OF_TOKENS.get(answer.status_code, (f"status {answer.status_code}", "look into the server's log"))
    return Check("token", ok=False, found=found, next=advice)


def _newest_file(http: httpx.Client, headers: dict[str, str]) -> Check:
    """Whether a download that broke off can be gone on with."""
    listed = http.get("/v1/exports", params={"state": "succeeded", "limit": "10"}, headers=headers)
    if not listed.is_success:
        found = f"status {listed.status_code} for the list of exports"
        return Check("download", ok=False, found=found, next="look into the server's log")
    url = _newest_url(http, headers, _document(listed))
    if url is None:
        return Check("download", ok=True, found="no export with files to try it on")
    # Without the token: a link needs none, and it may lead to another host.
    own = url.startswith(str(http.base_url).rstrip("/")) and "signature=" not in url
    answer = http.head(url, headers={"range": "bytes=0-0"} | (headers if own else {}))
    ranges = answer.status_code == 206 or answer.headers.get("accept-ranges") == "bytes"
    ok = answer.is_success and ranges
    found = f"status {answer.status_code}, {'ranges' if ranges else 'no ranges'}"
    advice = "" if ok else "see that the proxy passes Range, ETag and query strings on, and that public_url is right"
    return Check("download", ok, found, advice)


def _newest_url(http: httpx.Client, headers: dict[str, str], listed: dict[str, Any]) -> str | None:
    """Where the newest file of some exports is; None if they have none."""
    for export in listed.get("exports", ()):
        manifest = _document(http.get(f"/v1/exports/{export['id']}/manifest", headers=headers))
        for file in manifest.get("files", ()):
            url: str = file["url"]
            return url
    return None


def _document(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
