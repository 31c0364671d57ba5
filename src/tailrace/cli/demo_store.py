"""What the demo's store holds: one space, an app for each made-up product and one for a file of the user's own."""

from tailrace.cli.traffic import APPS
from tailrace.surfaces.table import DIALECTS

# No secrets: the demo's server listens on this machine only.
TOKEN = "tok_demo"  # noqa: S105
EMAIL, PASSWORD = "demo@example.com", "look around"
DATA_APP = "demo_data"
_AGE = ".max_age_days"


def api_key_of(app_id: str) -> str:
    """The API key of one of the demo's apps: twenty capitals and digits, as dialects that ask for one expect it."""
    return app_id.replace("_", "").upper().ljust(20, "0")[:20]


def apps_toml() -> str:
    """The provisioning file, as a user would write it."""
    apps = [(app.id, app.name, app.write_key) for app in APPS] + [(DATA_APP, "Your file", f"wk_{DATA_APP}")]
    lines = ["[[spaces]]", 'id = "demo"']
    for app_id, name, write_key in apps:
        lines += [
            "[[spaces.apps]]",
            f'api_key = "{api_key_of(app_id)}"',
            f'export_key = "ek_{app_id}"',
            f'id = "{app_id}"',
            f'name = "{name}"',
            f'write_key = "{write_key}"',
        ]
    lines += ["[[spaces.users]]", f'email = "{EMAIL}"', 'role = "admin"', f'password = "{PASSWORD}"']
    lines += ["[[spaces.tokens]]", f'value = "{TOKEN}"', f'user = "{EMAIL}"']
    lines += ["[spaces.default_apps]", *(f'{one.schedule.series} = "{APPS[0].id}"' for one in DIALECTS if one.schedule)]
    lines += ["[limits]", '"ingest.max_age_ms" = 400000000000000']  # examples show events of one fixed day
    lines += [f'"{one.name}" = 0' for dialect in DIALECTS for one in dialect.limits if one.name.endswith(_AGE)]
    return "\n".join(lines) + "\n"
