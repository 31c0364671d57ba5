"""The rival of ingest: a service as one writes it first. A request is parsed, each event is a row, each batch a commit.

    collector.py DATABASE PORT

It stores each id once and does no more: no sessions, no profiles, no check of types, nothing to export by.
"""

import json
import sqlite3
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

TABLE = """CREATE TABLE events (
    id TEXT PRIMARY KEY, event TEXT, time TEXT, device TEXT, session TEXT, user TEXT, params TEXT, rest TEXT
)"""
NAMED = ("id", "event", "time", "device_id", "session_id", "user_id", "params")


def application(path: str) -> Starlette:
    """The service over a new database."""
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(TABLE)

    async def collect(request: Request) -> JSONResponse:
        for record in json.loads(await request.body())["batch"]:
            if not record["event"] or not record["device_id"]:
                raise ValueError(record)
            rest = {name: value for name, value in record.items() if name not in NAMED}
            values = [record.get(name) for name in NAMED[:-1]]
            row = (*values, json.dumps(record.get("params")), json.dumps(rest))
            connection.execute("INSERT OR IGNORE INTO events VALUES (?,?,?,?,?,?,?,?)", row)
        connection.commit()
        return JSONResponse({"accepted": True})

    return Starlette(
        routes=[Route("/v1/events", collect, methods=["POST"]), Route("/healthz", lambda _: JSONResponse({}))]
    )


if __name__ == "__main__":
    uvicorn.run(application(sys.argv[1]), port=int(sys.argv[2]), access_log=False, log_level="warning")
