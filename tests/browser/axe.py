"""axe-core, which finds what keeps people out of a page: it is where the SDKs of Node are."""

from functools import cache
from typing import Literal, get_args

from playwright.sync_api import Page

from tests.sdk import node_modules

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)

# All rules at the width of a desk; in dark, on a phone, those whose outcome colours and width can change.
_SIZES = {"light": (1280, 900), "dark": (390, 844)}
_RULES = {"light": {}, "dark": {"runOnly": ["color-contrast", "link-in-text-block", "scrollable-region-focusable"]}}
_RUN = """async rules => (await axe.run({ resultTypes: ['violations'], ...rules })).violations
  .filter(rule => ['serious', 'critical'].includes(rule.impact))
  .flatMap(rule => rule.nodes.map(node => `${rule.id}: ${node.html}`))"""


def barriers(page: Page, scheme: Scheme) -> list[str]:
    """The serious and critical barriers on a page as it stands, each with the rule that it breaks.

    axe is told to the page from outside, since the page's policy lets no script of others in.
    """
    width, height = _SIZES[scheme]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)
    if not page.evaluate("'axe' in window"):
        page.evaluate(_source())
    found: list[str] = page.evaluate(_RUN, _RULES[scheme])
    return found


@cache
def _source() -> str:
    return (node_modules() / "axe-core" / "axe.min.js").read_text("utf-8")
