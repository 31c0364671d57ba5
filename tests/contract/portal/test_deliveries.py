"""Deliveries in the portal: chosen on the form of a request, followed on its page, and asked for again."""

import base64
import csv
import gzip
import hmac
import re
import time
from collections.abc import Iterator, Mapping
from datetime import datetime

import pytest

from tailrace.model.clock import day_name
from tests.contract.live import READ
from tests.contract.portal.aftermath import let_expire, postbox
from tests.contract.portal.conftest import ADMIN, STANDARD, WAIT_S, Portal, Visitor, text_of
from tests.stores import ACCOUNT, PASSWORD, S3Server
from tests.unit.delivery.dispatch import Receiver, receiving

NEW = "/portal/downloads/new"
DESTINATIONS = "/portal/admin/destinations"
KEY = b"0123456789abcdef0123456789abcdef"
PAUSE = 3_600_000
SECRET = "path-of-a-hook?token=SECRETSECRET"


@pytest.fixture(autouse=True)
def local(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine may be delivered to, and what is tried again waits for an hour."""
    monkeypatch.setattr(portal.house.settings.delivery, "allow_networks", "127.0.0.0/8")
    monkeypatch.setattr(portal.house.settings.delivery, "first_pause_ms", PAUSE)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of webhooks."""
    with receiving() as one:
        yield one


def asked(visitor: Visitor, form: Mapping[str, str]) -> str:
    """The path of the page of a request that the form asked for."""
    visitor.get(NEW)
    visitor.send(NEW, {"app": "app_waves", "period": "last_7", **form}, 303)
    id_ = re.findall(r'<tr id="(exp_\w+)"', visitor.page.text)[0]
    return f"/portal/downloads/{id_}"


def followed(visitor: Visitor, page: str, until: str) -> str:
    """What the page of a request says of its deliveries, once it says something; it asks again by itself until then."""
    deadline = time.monotonic() + WAIT_S
    while not re.search(until, said := shown(visitor, page)):
        assert 'http-equiv="refresh"' in visitor.page.text, said
        assert f'hx-get="{page}"' in visitor.page.text, said  # the same with scripts
        assert time.monotonic() < deadline, said
        time.sleep(0.05)
    return said


def shown(visitor: Visitor, page: str) -> str:
    """What the page of a request says of its deliveries now."""
    visitor.get(page)
    found = re.search(r'<section id="deliveries".*?</section>', visitor.page.text, re.DOTALL)
    assert found, "the page has no such section"
    return text_of(found[0])


def replays(visitor: Visitor) -> list[str]:
    """Where the forms of the page that is open ask for a delivery again."""
    return re.findall(r'action="(/portal/deliveries/\w+:replay)"', visitor.page.text)


def test_a_webhook_is_asked_for_followed_and_sent_again(portal: Portal, receiver: Receiver) -> None:
    """What its receiver refuses is told with the reason, and can be sent again: the receiver gets the same id and is
    heard this time. No page that tells of it tells more of the URL than its host, and the audit tells who asked.
    """
    visitor = portal.visitor()
    receiver.answers = [410, 204]
    page = asked(visitor, {"url": f"{receiver.url}/{SECRET}"})
    said = followed(visitor, page, "Failed")
    assert f"Webhook {receiver.url} Failed" in said
    assert re.search(r"UTC .+ Failed the receiver answered 410: it wants no more$", said), said
    assert 'http-equiv="refresh"' not in visitor.page.text
    (again,) = replays(visitor)
    visitor.send(again, {}, 303)
    said = followed(visitor, page, "Delivered")
    assert said.count(f"Webhook {receiver.url}") == 2
    assert "A replay of one above" in said
    first, second = receiver.got
    assert first.path == second.path == f"/{SECRET}"
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.json["data"]["id"] == second.json["data"]["id"] == page.rpartition("/")[2]
    assert "SECRET" not in visitor.page.text
    assert "path-of-a-hook" not in visitor.page.text
    assert f"{ADMIN[0]} asked for a delivery again" in visitor.get("/portal/admin/audit")


def test_what_is_tried_again_tells_when(portal: Portal, receiver: Receiver) -> None:
    """A receiver that is busy is asked again after the pause of the settings: page and API tell the reason and the same
    time, an hour from the attempt, a fifth of it more or less; meanwhile nobody can send it again.
    """
    visitor = portal.visitor()
    receiver.answers = [503]
    before = portal.house.clock.now()
    page = asked(visitor, {"url": receiver.url})
    said = followed(visitor, page, "To be tried again")
    now = portal.house.clock.now()
    assert "Under way" in said
    assert "the receiver answered 503" in said
    assert replays(visitor) == []
    assert 'http-equiv="refresh"' in visitor.page.text
    next_try = re.search(r'Next try <time datetime="([^"]+)"', visitor.page.text)
    assert next_try
    (told,) = visitor.http.get(f"/v1/exports/{page.rpartition('/')[2]}/deliveries", headers=READ).json()["deliveries"]
    assert told["next_try_at"] == next_try[1]
    at = datetime.fromisoformat(next_try[1]).timestamp() * 1000
    assert before + 0.8 * PAUSE <= at <= now + 1.2 * PAUSE
    # Whoever has the address of the form is told why not.
    assert "the delivery is pending" in visitor.send(f"/portal/deliveries/{told['id']}:replay", {}, 400)


def test_a_bucket_is_kept_and_copied_to(portal: Portal, moto: S3Server, receiver: Receiver) -> None:
    """An admin keeps a bucket and a webhook under names, with their secrets, which no page shows again. Who asks by
    these names, without the right to make them, gets the files into the bucket under the keys that the page tells, and
    the webhook, signed with its key, after them. Once the files have had their time only the webhook can be sent again.
    A name that is deleted is offered no more.
    """
    bucket, visitor, standard = moto.bucket(), portal.visitor(), portal.visitor(STANDARD)
    visitor.get(DESTINATIONS)
    keys = {"access_key_id": ACCOUNT, "secret_access_key": PASSWORD}
    lake = {"kind": "s3", "name": "lake", "bucket": bucket, "prefix": "in/", "endpoint": moto.endpoint} | keys
    visitor.send(DESTINATIONS, lake, 303)
    own = f"whsec_{base64.b64encode(KEY).decode()}"
    hook = {"kind": "webhook", "name": "ops", "url": f"{receiver.url}/{SECRET}", "secret": own}
    there: list[dict[str, int]] = []
    receiver.before = lambda: there.append(moto.objects(bucket))
    said = visitor.send(DESTINATIONS, hook, 303)
    assert f"ops Webhook {receiver.url} " in said
    assert f"lake Copy to S3 s3://{bucket}/in/ " in said
    page = asked(standard, {"copy_to": "lake", "prefix": "waves/", "webhook": "ops"})
    said = followed(standard, page, f"Webhook {receiver.url} Delivered")
    id_ = page.rpartition("/")[2]
    assert f"Copy to S3 s3://{bucket}/in/waves/ Delivered" in said
    (key,) = re.findall(rf'<code class="hash">(in/waves/{id_}/[^<]+)</code>', standard.page.text)
    rows = csv.DictReader(gzip.decompress(moto.read(bucket, key)).decode().splitlines())
    assert {row["id"] for row in rows} == {record["id"] for record in portal.sent}
    assert f"in/waves/{id_}/manifest.json" in there[0]
    (got,) = receiver.got
    assert got.path == f"/{SECRET}"
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    proof = base64.b64encode(hmac.digest(KEY, signed, "sha256")).decode()
    assert got.headers["webhook-signature"] == f"v1,{proof}"
    for one in (visitor, standard):
        for path in (page, DESTINATIONS, NEW, "/portal/admin/audit" if one is visitor else NEW):
            one.get(path)
            assert not [text for text in (PASSWORD, own, "SECRET", "path-of-a-hook") if text in one.page.text], path
    shown(standard, page)
    told = replays(standard)
    assert len(told) == 2
    let_expire(portal, id_)
    assert "Delivered" in shown(standard, page)
    assert replays(standard) == told[1:]
    visitor.get(DESTINATIONS)
    visitor.send(f"{DESTINATIONS}/lake:delete", {}, 303)
    assert "lake" not in visitor.get(NEW)
    said = visitor.get("/portal/admin/audit")
    assert f"{ADMIN[0]} made a destination of deliveries" in said
    assert f"{ADMIN[0]} deleted a destination of deliveries" in said


def test_what_waits_for_an_export(portal: Portal) -> None:
    """The delivery of a request that waits does so, too; once the request is cancelled the page says why nothing came
    of it, and there is nothing to send again.
    """
    visitor = portal.visitor()
    days = [f"{day_name(portal.today + n)}T00:00:00Z" for n in range(2)]
    window = {"axis": "event_time", "from": days[0], "to": days[1]}
    body = {"app": "app_waves", "window": window, "wait_until_complete": True}
    hook = {"kind": "webhook", "url": "https://x.example/"}
    id_ = visitor.http.post("/v1/exports", json=body | {"deliveries": [hook]}, headers=READ).json()["id"]
    page = f"/portal/downloads/{id_}"
    assert "Webhook https://x.example Waits for the export" in shown(visitor, page)
    visitor.send(f"{page}:cancel", {}, 303)
    said = followed(visitor, page, "Nothing to deliver")
    assert said.endswith("Webhook https://x.example Nothing to deliver the export was cancelled")
    assert replays(visitor) == []


def test_mail_is_switched_on(portal: Portal) -> None:
    """Where the server sends mail, the form has a switch: whoever asks gets a message about that request. Where it
    sends none there is no switch, and a form that was open meanwhile is refused at it.
    """
    visitor = portal.visitor(STANDARD)
    assert "E-mail notification" not in visitor.get(NEW)
    said = visitor.send(NEW, {"app": "app_waves", "mail": "true"}, 400)
    assert said.count("E-mail notification: this server sends no mail") == 2
    assert 'aria-describedby="mail-why"' in visitor.page.text
    with postbox(portal) as box:
        assert f"E-mail notification to {STANDARD[0]}" in visitor.get(NEW)
        page = asked(visitor, {"mail": "true"})
        assert f"E-mail {STANDARD[0]} Delivered" in followed(visitor, page, "Delivered")
    ((recipients, message),) = box.got
    assert recipients == [STANDARD[0]]
    body = message.get_body(("plain",))
    assert body is not None
    assert f"{portal.url}{page}" in body.get_content()


@pytest.mark.parametrize(
    ("form", "field", "sentence"),
    [
        ({"url": "ftp://x.example/"}, "url", "must be a URL with http or https"),
        ({"url": "https://me:SECRET@x.example/"}, "url", "must not hold a user name or password"),
        ({"webhook": "gone"}, "webhook", "there is no destination named 'gone'"),
        ({"copy_to": "gone", "url": "https://x.example/"}, "copy_to", "there is no destination named 'gone'"),
        ({"prefix": "x/"}, "copy_to", "must be chosen, since a prefix is given"),
    ],
)
def test_what_cannot_be_is_named_at_its_field(portal: Portal, form: dict[str, str], field: str, sentence: str) -> None:
    """Above the form with a way to the field, and there; what was chosen is kept, and nothing is asked for."""
    visitor = portal.visitor()
    before = newest(visitor)
    visitor.get(NEW)
    said = visitor.send(NEW, {"app": "app_waves", "format": "xml", **form}, 400)
    assert said.count(sentence) == 2
    assert f'<a href="#{field}">' in visitor.page.text
    (control,) = re.findall(rf'<(?:input|select) id="{field}"[^>]*>', visitor.page.text)
    assert f'aria-invalid="true" aria-describedby="{field}-why"' in control
    assert f'<p id="{field}-why"' in visitor.page.text
    assert 'value="xml" selected' in visitor.page.text
    assert newest(visitor) == before


@pytest.mark.parametrize(
    ("form", "field", "sentence"),
    [
        ({"kind": "s3", "name": "x", "bucket": "?"}, "s3-bucket", "must be the name of a bucket"),
        ({"kind": "s3", "name": "../x", "bucket": "lake"}, "s3-name", "must"),
        ({"kind": "webhook", "name": "x", "url": "x"}, "webhook-url", "must be a URL"),
    ],
)
def test_a_destination_that_cannot_be(portal: Portal, form: dict[str, str], field: str, sentence: str) -> None:
    """It is named at its field, secrets that were typed are not on the page, and nothing is kept."""
    visitor = portal.visitor()
    visitor.get(DESTINATIONS)
    before = kept(visitor)
    said = visitor.send(DESTINATIONS, {"secret_access_key": "SECRETSECRET", "access_key_id": "AKIA", **form}, 400)
    assert said.count(sentence) == 2
    assert f'<p id="{field}-why"' in visitor.page.text
    assert "SECRETSECRET" not in visitor.page.text
    visitor.get(DESTINATIONS)
    assert kept(visitor) == before


def test_who_may_not(portal: Portal, receiver: Receiver) -> None:
    """Who may only look sees the deliveries and no button; the form of one, and those of destinations, are refused to
    who lacks the right or comes without the guard of a page. For another space there is nothing there.
    """
    visitor, standard = portal.visitor(), portal.visitor(STANDARD)
    page = asked(visitor, {"url": receiver.url})
    followed(visitor, page, "Delivered")
    (again,) = replays(visitor)
    reader = {"name": "reader", "scopes": ["exports.read"]}
    token = visitor.http.post("/v1/tokens", json=reader, headers=READ).json()["token"]
    looker = {"authorization": f"Bearer {token}"}
    with_token = portal.visitor(None).http
    looked = with_token.get(page, headers=looker)
    assert f"Webhook {receiver.url} Delivered" in text_of(looked.text)
    assert "Replay" not in looked.text
    assert with_token.post(again, headers=looker).status_code == 403
    assert with_token.get(DESTINATIONS, headers=looker).status_code == 403
    assert visitor.http.post(again).status_code == 403  # no guard
    stranger = portal.visitor(None).http
    for path in (page, again):
        answer = stranger.request("POST" if path is again else "GET", path, headers={"authorization": "Bearer tok_bob"})
        assert answer.status_code == 404, path
    assert "Keep the bucket" not in standard.get(DESTINATIONS)
    standard.get(NEW)
    for path in (DESTINATIONS, f"{DESTINATIONS}/lake:delete"):
        standard.send(path, {}, 403)
        standard.get(NEW)
    assert len(receiver.got) == 1


def test_nothing_was_asked_for(portal: Portal) -> None:
    """The page of a request without deliveries says how one is asked for, and leads there."""
    visitor = portal.visitor()
    page = asked(visitor, {})
    portal.ended(visitor, page.rpartition("/")[2])
    assert "None was asked for" in shown(visitor, page)
    assert f'<a href="{NEW}?app=app_waves">' in visitor.page.text


def kept(visitor: Visitor) -> list[str]:
    """The names on the page of destinations, which is open."""
    return re.findall(r'data-label="Name"><code>([^<]+)</code>', visitor.page.text)


def newest(visitor: Visitor) -> list[str]:
    """The requests of the table."""
    visitor.get("/portal/downloads")
    return re.findall(r'<tr id="(exp_\w+)"', visitor.page.text)
