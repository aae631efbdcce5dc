"""Where a lake's objects are stored. A store is one module; its `opened` makes it from the address after its scheme.

- `base`: what the pipeline asks of any store
- `disk`: a folder of this machine (with `raw_file` and `durable`)
- `objects`: what the stores of clouds have in common
- `s3`: two buckets on S3 (with `raw_bucket`, `ranges`, and `fetched` for engines that read files)
"""

from importlib import import_module
from typing import Any

from duff_orders.errors import InputError
from duff_orders.lake.stores.base import Store

#: The module of each scheme; what has none is a folder.
SCHEMES = {"": f"{__name__}.disk", "s3": f"{__name__}.s3"}


def open_store(address: str, **options: Any) -> Store:
    """The store at an address: a folder, or `s3://RAW_BUCKET,PROCESSED_BUCKET`; options are the store's own.

    Only the store's own module is imported. Raises InputError for a scheme that there is not.
    """
    scheme, there, rest = address.partition("://")
    if not there:
        scheme, rest = "", address
    if scheme not in SCHEMES:
        known = ", ".join(f"{each}://" for each in SCHEMES if each)
        raise InputError(f"{address:.100} has no scheme of a store; allowed are a folder, {known}")
    store: Store = import_module(SCHEMES[scheme]).opened(rest, **options)
    return store
