"""Which events a list of elements chooses of those that an app has: groups resolved, names and aliases checked."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from tailrace.surfaces.devtodev.errors import Refused
from tailrace.surfaces.devtodev.parse import Element
from tailrace.surfaces.devtodev.selection import Selected

BASIC, CUSTOM = "@basic_events", "@custom_events"
PAYMENTS = "sbs_payments"  # part of `sbs`, so no group has it
BASIC_IDS = ("lu", "rp", "tr", "ip", "sc", "sp", "gs", "uu", "ud", "pe", "rg", "sbs", "adrv")
IDS = frozenset((*BASIC_IDS, PAYMENTS))
_GROUPS = (BASIC, CUSTOM)
# A group may have no members, and a request that names no table would be for all there are. No event has no name.
_NOTHING = Selected("", custom=True)


def choose(elements: Sequence[Element], known: Collection[str]) -> tuple[Selected, ...]:
    """What is chosen of the standard events and of the custom events that are `known`; no elements are all events.

    Raises:
        Refused: an event is unknown, or two would be one file.
    """
    names = frozenset(known)
    for element in elements:
        _check_known(element, names)
    single = _by_file([element for element in elements if not _is_group(element)])
    members = {BASIC: BASIC_IDS, CUSTOM: sorted(names)}
    wanted = dict.fromkeys(element.name for element in elements if _is_group(element)) if elements else members
    chosen = [_selected(element) for element in single.values()]
    found = (*chosen, *(one for group in wanted for one in _of_group(members[group], group == CUSTOM, single)))
    return found or (_NOTHING,)


def _check_known(element: Element, known: Collection[str]) -> None:
    """An id is that of the standard event, which takes no conditions, whatever custom events are called."""
    found = not element.where if element.name in IDS else element.name in known
    if not (found or _is_group(element)):
        raise Refused(8, element.name)


def _is_group(element: Element) -> bool:
    return element.name in _GROUPS and not element.object


def _by_file(elements: Sequence[Element]) -> Mapping[str, Element]:
    """Elements by the name of their file; an id is the file of its event, and of no other one's alias."""
    found: dict[str, Element] = {}
    for element in elements:
        file = element.alias or element.name
        if file in found or (file in IDS and file != element.name):
            raise Refused(9, file)
        found[file] = element
    return found


def _of_group(members: Sequence[str], custom: bool, single: Mapping[str, Element]) -> Iterator[Selected]:
    """The members of a group. One that stands in the list as well is there once; but its file must hold all of it.

    A custom event that is called as an id is no standard one: only its group has it, and its file another name.
    """
    for name in members:
        other = None if custom and name in IDS else single.get(name)
        if other is None:
            yield Selected(name, custom)
        elif other.name != name or other.where:
            raise Refused(9, name)


def _selected(element: Element) -> Selected:
    return Selected(element.name, element.name not in IDS, element.where, element.alias, named=True)
