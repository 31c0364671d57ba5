"""Snippets: how the SDKs of each protocol are told to send here, to copy and paste."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

_BASE, _KEY = "{base}", "{key}"


class Snippet(Struct, frozen=True):
    """What to paste: by whose SDK, of which protocol (empty: the native API)."""

    title: str
    protocol: str
    text: str


SNIPPETS: Sequence[Snippet] = (
    Snippet(
        "curl",
        "",
        """curl -sS {base}/v1/events -H 'Authorization: Bearer {key}' -d '{"batch": [
  {"id": "hello-1", "event": "Hello", "device_id": "d1", "time": "'$(date -u +%FT%TZ)'"}]}'""",
    ),
    Snippet(
        "Web pages",
        "segment",
        """<script src="{base}/tailrace.js" data-write-key="{key}" defer></script>""",
    ),
    Snippet(
        "Amplitude, Python",
        "amplitude",
        """from amplitude import Amplitude, BaseEvent, Config

client = Amplitude("{key}", Config(server_url="{base}/2/httpapi"))
client.track(BaseEvent("Hello", user_id="user-1"))
client.shutdown()""",
    ),
    Snippet(
        "Amplitude, Node",
        "amplitude",
        """import { init, track, flush } from '@amplitude/analytics-node'

await init('{key}', { serverUrl: '{base}/2/httpapi' }).promise
track('Hello', {}, { user_id: 'user-1' })
await flush().promise""",
    ),
    Snippet(
        "Countly, Node",
        "countly",
        """import Countly from 'countly-sdk-nodejs'

Countly.init({ app_key: '{key}', url: '{base}', storage_type: 'memory' })
Countly.begin_session()
Countly.add_event({ key: 'Hello', count: 1 })
setTimeout(Countly.halt, 3000)""",
    ),
    Snippet(
        "devtodev, Data API",
        "devtodev",
        """curl -sS '{base}/v2/analytics/report?appId={key}' -d '{"reports": [
  {"deviceId": "d1", "userId": "user-1", "packages": [{"language": "en", "events": [
    {"code": "ce", "name": "Hello", "timestamp": '$(date +%s000)', "level": 1}]}]}]}'""",
    ),
    Snippet(
        "PostHog, Python",
        "posthog",
        """from posthog import Posthog

client = Posthog("{key}", host="{base}")
client.capture("Hello", distinct_id="user-1")
client.shutdown()""",
    ),
    Snippet(
        "PostHog, Node",
        "posthog",
        """import { PostHog } from 'posthog-node'

const client = new PostHog('{key}', { host: '{base}' })
client.capture({ distinctId: 'user-1', event: 'Hello' })
await client.shutdown()""",
    ),
    Snippet(
        "Segment, Python",
        "segment",
        """import segment.analytics as analytics

analytics.write_key = "{key}"
analytics.host = "{base}"
analytics.track("user-1", "Hello", anonymous_id="d1")
analytics.shutdown()""",
    ),
    Snippet(
        "Segment, Node",
        "segment",
        """import { Analytics } from '@segment/analytics-node'

const analytics = new Analytics({ writeKey: '{key}', host: '{base}' })
analytics.track({ userId: 'user-1', anonymousId: 'd1', event: 'Hello' })
await analytics.closeAndFlush()""",
    ),
    Snippet(
        "RudderStack, Python",
        "segment",
        """import rudderstack.analytics as rudder

rudder.write_key = "{key}"
rudder.dataPlaneUrl = "{base}"
rudder.track("user-1", "Hello", anonymous_id="d1")
rudder.shutdown()""",
    ),
    Snippet(
        "RudderStack, Node",
        "segment",
        """import Analytics from '@rudderstack/rudder-sdk-node'

const analytics = new Analytics('{key}', { dataPlaneUrl: '{base}' })
analytics.track({ userId: 'user-1', anonymousId: 'd1', event: 'Hello' })
await analytics.flush()""",
    ),
)


def snippets(base: str, key: str) -> Sequence[Snippet]:
    """All of them, for a server and an app's write key."""
    return [replace(one, text=one.text.replace(_BASE, base).replace(_KEY, key)) for one in SNIPPETS]
