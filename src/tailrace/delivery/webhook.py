"""The sink of webhooks: one signed POST that tells how an export ended."""

from tailrace import __version__
from tailrace.delivery.bodies import Occasion
from tailrace.delivery.courier import Errand
from tailrace.delivery.ends import GivenUp
from tailrace.delivery.posting import Post, post
from tailrace.delivery.signing import key_of_space, signed_headers
from tailrace.model.delivery import Copied, Webhook
from tailrace.model.errors import Unavailable

_GONE = 410  # the receiver wants no more of it, says the specification
_AWAY_S = 5


def send_webhook(errand: Errand) -> tuple[Copied, ...]:
    """Post to the URL; well if the answer is 2xx.

    Raises:
        GivenUp: nobody may connect there, or the receiver wants no more of it.
        Unavailable: any other answer, redirects included, or none.
    """
    asked = errand.asked
    if not isinstance(asked, Webhook):
        raise GivenUp("it is no webhook")
    status = post(errand.courier.guard, _post(errand, asked))
    if status == _GONE:
        raise GivenUp("the receiver answered 410: it wants no more")
    if not 200 <= status < 300:
        raise Unavailable(f"the receiver answered {status}", _AWAY_S)
    return ()


def _post(errand: Errand, asked: Webhook) -> Post:
    courier = errand.courier
    write = courier.bodies.get(asked.body)
    if write is None:
        raise GivenUp(f"this release has no body named {asked.body}")
    body = write(Occasion(courier.database, courier.identity, errand.scope, errand.row.export, asked.base))
    key = asked.secret or key_of_space(courier.identity.secret, errand.scope.space)
    headers = {"content-type": "application/json", "user-agent": f"Tailrace/{__version__}"}
    signed = signed_headers(key, errand.row.message, courier.clock.now() // 1000, body)
    return Post(asked.url, headers | dict(signed), body, courier.settings.delivery.timeout_ms)
