"""`duff serve`: the API over a local lake or a deployment, and the watcher beside it, in one process."""

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from duff_orders.api import limits
from duff_orders.api.app import guarded
from duff_orders.api.local_backend import LocalBackend, LocalQueries
from duff_orders.api.security import LOOPBACK
from duff_orders.errors import DamagedObject, DuffError, SettingsError
from duff_orders.lake.lake import Lake
from duff_orders.local.condition import Condition
from duff_orders.local.watch import look_after
from duff_orders.query.runner import Runner
from duff_orders.query.serving import Serving
from duff_orders.settings import MINIMUM_MEMORY

log = logging.getLogger(__name__)

#: The part of the memory that answers may take; the rest is the watcher's.
ANSWERS = 0.25
#: Seconds after which the serving copy looks for a new build, and for which requests may end when it stops.
LOOK, GRACE = 0.5, 5
#: Connections that may wait to be taken.
BACKLOG = 256
#: Hosts that stand for all addresses of this machine.
EVERYWHERE = ("0.0.0.0", "::")


@contextmanager
def local_backend(lake: Lake, *, queries: bool = False) -> Iterator[LocalBackend]:
    """The backend of a lake in a folder, whose serving copy follows the builds."""
    serving = Serving(lake.disk, memory=int(lake.settings.memory * ANSWERS))
    runner = Runner(lake.disk.root) if queries else None
    stop = threading.Event()
    backend = LocalBackend(lake, serving, LocalQueries(runner) if runner else None)
    follower = threading.Thread(target=_follow, args=(serving, stop, backend.condition), name="serving")
    follower.start()
    try:
        yield backend
    finally:
        stop.set()
        follower.join()
        if runner is not None:
            runner.close()
        serving.close()


def serving_half(lake: Lake) -> Lake:
    """The lake with what memory files may take, while answers take theirs."""
    memory = max(int(lake.settings.memory * (1 - ANSWERS)), MINIMUM_MEMORY)
    return Lake(replace(lake.settings, memory=memory), lake.store)


@contextmanager
def watching(lake: Lake, condition: Condition, **options: Any) -> Iterator[None]:
    """Process what lands in the raw folder meanwhile; files in work are finished at the end.

    `condition` is told of what is amiss; `options`: see `local.watch`.
    """
    stop = threading.Event()
    other = serving_half(lake)
    watcher = threading.Thread(target=look_after, args=(other, stop, condition), kwargs=options, name="watch")
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()


def serve(
    app: FastAPI,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    keys: Mapping[str, str] | None = None,
    ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Answer requests until SIGINT or SIGTERM; `ready` is told the address.

    Raises SettingsError for a host beyond this machine without keys, and for an address that cannot be had.
    """
    if host not in LOOPBACK and not keys:
        raise SettingsError(
            f"host is {host!r}: whoever can reach it could read everything; name keys in DUFF_API_KEYS, or serve "
            "127.0.0.1 and let something in front of it ask who it is"
        )
    # Who answers at every address cannot know by which names it is called.
    hosts = frozenset[str]() if host in EVERYWHERE else LOOPBACK | {host.lower()}
    served = guarded(app, hosts=hosts, keys=keys)
    with _listening(host, port) as listener:
        server = _Server(
            uvicorn.Config(
                served,
                log_config=None,
                access_log=False,
                server_header=False,
                http=_Protocol,
                timeout_graceful_shutdown=GRACE,
                lifespan="off",
            )
        )
        server.app = app
        before = {number: signal.signal(number, server.end) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            shown = f"[{host}]" if ":" in host else host
            ready(f"http://{shown}:{listener.getsockname()[1]}")
            asyncio.run(server.serve(sockets=[listener]))
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Protocol(H11Protocol):
    """A connection that is closed where the head of a request does not come in time, the first or a later one.

    Whoever opens many and says little takes nobody's place.
    """

    _head_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._have_head()
        elif getattr(before, "response_complete", True):  # before the first request there is none
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._have_head()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        if self._head_due is None:
            self._head_due = self.loop.call_later(limits.SLOWEST, self.transport.close)

    def _have_head(self) -> None:
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None


class _Server(uvicorn.Server):
    """A server that ends quietly when it is told to."""

    app: FastAPI

    def end(self, *_: object) -> None:
        self.should_exit = True
        self.app.state.ending = True  # streams of events end by it

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol by name asyncio sends small answers at once; without, it waits 40 ms for more to send.
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(BACKLOG)  # before the address is told: who comes now waits, and is not refused
        except OSError as error:
            raise SettingsError(f"{host}:{port} cannot be had: {error.strerror}; --port names another") from None
        yield listener


def _follow(serving: Serving, stop: threading.Event, condition: Condition) -> None:
    """Keep the serving copy up to the builds; what is amiss is logged once, and told until it is over."""
    last = ""
    while True:
        why = None
        try:
            serving.refresh()
        except DamagedObject:
            pass  # of which the ledger and the pointer tell themselves
        except (DuffError, OSError) as error:
            why = f"the serving copy could not be brought up: {error}"
        condition.tell("serving copy", why)
        if why and why != last:
            log.warning("%s", why)
        last = why or ""
        if stop.wait(LOOK):
            return
