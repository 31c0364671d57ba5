"""The server holds to its description: schemathesis tries every operation in all its phases, and finds nothing.

CI leaves out the phase that tries each key of each schema; `thorough` is the run with all phases. What is made up is
seeded: `TAILRACE_TEST_FUZZ=N` makes N examples of each operation instead of a few, with another seed each time.
"""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tailrace.accounts.limits import set_limits
from tailrace.accounts.provisioning import read_provisioning
from tailrace.config import SETTINGS_FILE
from tailrace.surfaces.native import NATIVE
from tailrace.wiring import open_house, provision
from tests.contract.described import document
from tests.contract.live import READ, WRITE, live
from tests.contract.native.conftest import Api
from tests.contract.owner import EXAMPLES, PASSWORD, Example, World
from tests.effort import again
from tests.sending import T0, event
from tests.servers import Server

HERE = Path(__file__).parent
CONFIG = (HERE / "schemathesis.toml").read_text("utf-8")
FUZZ = os.environ.get("TAILRACE_TEST_FUZZ")
FEW = 5  # examples of each operation
PHASES = "examples,fuzzing,stateful"
# What the phase that tries each key of a schema leaves out. More than half of its requests are about keys of
# records, and the answer to a bad record is 200 as well. A quarter of the rest asks for an estimate, whose body is that
# of an export. To look at a password is made to take long; a fifth of the time went to a hundred of them.
QUICK = """
[[operations]]
include-operation-id = ["post_events", "estimate_export", "post_login", "post_my_password"]
phases.coverage.enabled = false
"""
LOU = "lou@example.com"  # whose password stays: the run gives new ones to the user of its token
# What can end a credential that the run needs is done only to a thing that it does not need, in all phases. Ids come
# from answers too, and among those is the run's own.
ENDING = ("delete_token", "refresh_token", "patch_user", "delete_user", "rotate_key")
MOST_S = 900 if FUZZ is None else 36_000


@pytest.fixture
def backend() -> str:
    """HTTP is the same over both databases."""
    return "sqlite"


@pytest.fixture
def examples(data: Path, provisioning: Path) -> Mapping[str, Example]:
    """How the owner uses each operation of a store that has an export."""
    with open_house(data) as house:
        provision(house, read_provisioning(provisioning))
        with house.database.write() as connection:
            set_limits(connection, {"exports.max_running": 1_000_000, "logins.burst": 0})
        with live(house, exporters=1) as http:
            api = Api(http, house)
            api.send(event("e", T0))
            api.seal()
            world = World(api, api.manifest())
            made = {operation.name: EXAMPLES[operation.name](world) for operation in NATIVE.operations}
            lou = {"email": LOU, "password": PASSWORD}
            assert api.http.post("/v1/users", json=lou, headers=READ).status_code == 201
            return made | {
                "post_login": replace(made["post_login"], json=lou),
                "rotate_key": replace(made["rotate_key"], path={"id": "app_tides"}),
            }


def things(examples: Mapping[str, Example]) -> Iterator[str]:
    """Configuration that has paths and bodies name what exists, most times."""
    signed = {operation.name for operation in NATIVE.operations if operation.security == "signed"}
    for name, example in examples.items():
        known = {f"path.{key}": value for key, value in example.path.items()}
        if name in signed:
            known |= {f"query.{key}": value for key, value in example.query.items()}
        if isinstance(example.json, dict) and "app" in example.json:
            known["body.app"] = example.json["app"]
        if not known:
            continue
        yield f'[[operations]]\ninclude-operation-id = "{name}"\n[operations.parameters]\n'
        if name in ENDING or name in signed:
            yield from (f'"{key}" = "{value}"\n' for key, value in known.items())
            continue
        yield from (f'"{key}" = {{ dictionary = "{name}-{key}", probability = 0.7 }}\n' for key in known)
        yield from (f'[dictionaries."{name}-{key}"]\nvalues = ["{value}"]\n' for key, value in known.items())


def shown(examples: Mapping[str, Example]) -> Mapping[str, Any]:
    """The description with what the owner sends as examples. They are tried first; others are made from them."""
    found: dict[str, Any] = json.loads(json.dumps(document()))
    for operation in NATIVE.operations:
        if isinstance(body := examples[operation.name].json, dict):
            described = found["paths"][operation.path][operation.method.lower()]
            described["requestBody"]["content"]["application/json"]["example"] = body
    return found


def opaque() -> Iterator[str]:
    """Configuration for lists: what continues one is opaque, so that a made-up text is refused though it is a text."""
    for operation in NATIVE.operations:
        if "after" in operation.query.__struct_fields__:
            yield f'[[operations]]\ninclude-operation-id = "{operation.name}"\n'
            yield 'checks.positive_data_acceptance.expected-statuses = ["2xx", "304", "400", "401", "403", "404"]\n'


def tried(report: Path) -> Mapping[str, set[int]]:
    """The statuses that were answered, by method and path."""
    found: dict[str, set[int]] = defaultdict(set)
    for line in report.read_text("utf-8").splitlines():
        recorder: Any = json.loads(line).get("ScenarioFinished", {}).get("recorder") or {}
        for case, interaction in recorder.get("interactions", {}).items():
            what = recorder["cases"][case]["value"]
            if interaction["response"]:
                found[f"{what['method']} {what['path']}"].add(interaction["response"]["status_code"])
    return found


@pytest.mark.timeout(MOST_S)
@pytest.mark.parametrize("phases", [PHASES, again(f"{PHASES},coverage")])
def test_the_server_holds_to_its_description(
    data: Path, examples: Mapping[str, Example], tmp_path: Path, phases: str
) -> None:
    """No check of any phase fails, and every operation was answered as its owner is, too."""
    config, report = tmp_path / "schemathesis.toml", tmp_path / "report.ndjson"
    described = tmp_path / "openapi.json"  # a file: schemathesis leaves out the path that it had a description from
    described.write_text(json.dumps(shown(examples)))
    config.write_text(CONFIG + (QUICK if FUZZ is None else "") + "".join((*things(examples), *opaque())))
    (data / SETTINGS_FILE).write_text("[seal]\ninterval_ms = 3600000\n")  # what is sent here is never looked at
    seed = ["--seed", "1"] if FUZZ is None else []
    with Server(data) as server:
        # Without --checks all of them are on, and the configuration can turn one off for an operation.
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
            *("run", str(described), "--url", server.url, "--phases", phases),
            *("--max-examples", FUZZ or str(FEW), *seed, "--generation-database", "none", "--no-color"),
            *("--continue-on-failure", "--report", "ndjson", "--report-ndjson-path", str(report)),
        ]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        kept = [httpx.get(f"{server.url}/v1/me", headers=READ), httpx.post(f"{server.url}/v1/events", headers=WRITE)]
    assert done.returncode == 0, f"{done.stdout[-20_000:]}\n{done.stderr[-2_000:]}"
    assert 401 not in [answer.status_code for answer in kept], "the run has ended a credential that it needs"
    found = tried(report)
    for operation in NATIVE.operations:
        statuses = found[f"{operation.method} {operation.path}"]
        assert examples[operation.name].status in statuses, operation.name
