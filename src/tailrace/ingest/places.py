"""Places: where an address is, by a local database file. Nothing is downloaded; without a file nothing is known."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import maxminddb
from msgspec import Struct

from tailrace.ingest.addresses import address_of
from tailrace.model.errors import Invalid

_SETTING = "ingest.ip_database"


class Place(Struct, frozen=True):
    """What a database knows of an address: ISO 3166 country, name of the region, name of the city."""

    country: str | None = None
    region: str | None = None
    city: str | None = None


class Places:
    """An opened database; without a reader nothing is known of any address. Threads may share it."""

    def __init__(self, reader: maxminddb.Reader | None = None) -> None:
        self._reader = reader

    @property
    def known(self) -> bool:
        """Whether there is a database."""
        return self._reader is not None

    def find(self, text: str) -> Place:
        """Where an address is."""
        address = address_of(text)
        if self._reader is None or address is None:
            return Place()
        if address.version > self._reader.metadata().ip_version == 4:
            return Place()  # a database of IPv4 alone knows no other
        found = self._reader.get(address)
        return _place(found) if isinstance(found, dict) else Place()

    def close(self) -> None:
        """Let the file go."""
        if self._reader is not None:
            self._reader.close()


NOWHERE = Places()


def open_places(path: str) -> Places:
    """The database of the setting `ingest.ip_database`; empty: none.

    Raises:
        Invalid: the file cannot be read, or is none of that format.
    """
    if not path:
        return NOWHERE
    try:
        return Places(maxminddb.open_database(Path(path)))
    except OSError as error:
        raise Invalid(_SETTING, f"{path} cannot be read: {error.strerror or error}") from None
    except (maxminddb.InvalidDatabaseError, ValueError) as error:
        raise Invalid(_SETTING, f"{path} is no database in the format MaxMind DB: {error}") from None


def _place(found: Mapping[str, Any]) -> Place:
    """Of a record in the usual layout: `country.iso_code`, the first of `subdivisions`, `city`, with English names."""
    country, regions = found.get("country"), found.get("subdivisions")
    code = country.get("iso_code") if isinstance(country, dict) else country
    region = regions[0] if isinstance(regions, list) and regions else None
    return Place(_text(code), _name(region) or _text(_member(region, "iso_code")), _name(found.get("city")))


def _name(value: Any) -> str | None:
    return _text(_member(_member(value, "names"), "en")) if isinstance(value, dict) else _text(value)


def _member(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
