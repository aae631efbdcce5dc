"""API keys: how they are configured, and whose a key is."""

import hashlib
import hmac
import re
from collections.abc import Mapping

from duff_orders.errors import SettingsError

_NAMED_KEY = re.compile(r"([A-Za-z0-9_.-]{1,40}):([0-9a-f]{64})")


def parse_keys(text: str) -> dict[str, str]:
    """The keys of a setting `name:sha256,...`: the SHA-256 (hex) of each, by name. Raises SettingsError."""
    keys = {}
    for each in filter(None, (part.strip() for part in text.split(","))):
        match = _NAMED_KEY.fullmatch(each)
        if match is None:
            raise SettingsError(
                "api_keys: allowed is NAME:SHA256 (64 hexadecimal digits of the key's hash), more of them after a "
                "comma; `printf %s KEY | sha256sum` makes one"
            )
        keys[match[1]] = match[2]
    return keys


def parse_names(text: str, keys: Mapping[str, str]) -> frozenset[str]:
    """The names of keys in a setting `name,...`. Raises SettingsError for one that is no key's."""
    names = frozenset(filter(None, (part.strip() for part in text.split(","))))
    if unknown := sorted(names - keys.keys()):
        raise SettingsError(f"admin_keys: {', '.join(unknown)}: no such key; there are {', '.join(keys) or 'none'}")
    return names


def name_of(key: str, keys: Mapping[str, str]) -> str | None:
    """The name of a key; None for one that is not among the `keys`."""
    digest = hashlib.sha256(key.encode("latin-1", "replace")).hexdigest()
    # All are compared, so that the time tells nothing.
    matching = [name for name, known in keys.items() if hmac.compare_digest(digest, known)]
    return matching[0] if matching else None
