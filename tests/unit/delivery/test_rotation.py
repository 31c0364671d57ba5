"""Rotation: everything sealed is sealed anew, and deliveries go on."""

from typer.testing import CliRunner

from tailrace.accounts.audit import actor_of
from tailrace.cli.app import make_app
from tailrace.delivery.destinations import make_destination
from tailrace.model.delivery import Webhook
from tests.sending import principal
from tests.unit.delivery.dispatch import Dispatch, Receiver


def test_after_a_rotation_old_keys_can_go(dispatch: Dispatch, receiver: Receiver) -> None:
    """Of deliveries that wait and of stored destinations; the first command keeps the old key, the second drops it."""
    house, who = dispatch.house, principal(dispatch.house, dispatch.scope)
    stored = Webhook(url=f"{receiver.url}/stored")
    make_destination(house.database, house.reception, who, "ops", stored, actor_of(who))
    dispatch.export(Webhook(url=f"{receiver.url}/own"), Webhook(destination="ops"))
    file = house.data / "secrets.key"
    (first,) = file.read_text().split()
    for finish, keys in ((False, 2), (True, 1)):
        arguments = ["rotate-secrets", "--data", str(house.data), *["--finish"] * finish]
        done = CliRunner().invoke(make_app("rotate-secrets"), arguments)
        assert (done.exit_code, done.output) == (0, "2 secrets are sealed with the newest key\n")
        assert len(file.read_text().split()) == keys
    assert first not in file.read_text()
    assert dispatch.deliver() == 2
    assert sorted(got.path for got in receiver.got) == ["/own", "/stored"]
