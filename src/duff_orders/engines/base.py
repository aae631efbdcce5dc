"""What an engine is: one object, the value `ENGINE` of its folder."""

from collections.abc import Callable
from dataclasses import dataclass

from duff_orders.documents import Route
from duff_orders.drivers.dialect import Spelling
from duff_orders.ingest.staged import Transform
from duff_orders.models.plan import OpenBuilder


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """An engine by its name, which is that of its folder.

    `spelling` is how it writes what engines write differently, `route` the way that a file takes to it: `small` files
    stay in the process, `large` ones go to a job. `check_installed` raises SettingsError where something is missing.
    `transform` does an engine's part of a file, `open_builder` of a build of the star schema.
    """

    name: str
    spelling: Spelling
    route: Route
    check_installed: Callable[[], None]
    transform: Transform
    open_builder: OpenBuilder
