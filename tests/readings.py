"""How files are read without a profile, and with one."""

from decimal import Decimal

from duff_orders.profiles.profile import load
from duff_orders.profiles.reading import Reading, resolve

#: By the contract alone.
AS_CONTRACT = resolve(None, None, Decimal("0.5"))


def reading(text: str, name: str = "acme") -> Reading:
    """The reading of a profile's text."""
    return resolve(name, load(text), Decimal("0.5"))
