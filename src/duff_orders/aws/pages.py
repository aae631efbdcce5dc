"""The console on a deployment: where its pages get their data, and where uploaded files go (`console.source`).

It runs on the reader's machine. The ledger is kept in memory; what Athena answered, until the next build:
each query takes a second and costs something.
"""

import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from duff_orders.api.cache import CachedAnswers, ListedLedger, OverLedger
from duff_orders.aws.athena_backend import AthenaBackend, AthenaQueries
from duff_orders.documents import LedgerRow
from duff_orders.errors import InputError, PipelineError
from duff_orders.lake import layout
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import already_there, free_names, keys
from duff_orders.lake.snapshot import KeptSnapshot
from duff_orders.lake.stores.base import Store
from duff_orders.lake.stores.raw_file import fingerprint
from duff_orders.query import statements
from duff_orders.query.athena import Athena
from duff_orders.query.reports import Report, Value
from duff_orders.query.result import Result
from duff_orders.query.statements import Statement

if TYPE_CHECKING:
    from duff_orders.aws.remote import Remote

#: Seconds for which ledger and raw bucket are not listed again.
LOOK = 5.0
#: Answers that are kept, and queries of a page that run at once.
KEPT, AT_ONCE = 200, 4
#: Bytes that S3 takes in one request, which alone is told to put nothing over another.
LARGEST = 5 * 2**30
#: How often a file is put that others put at the same moment.
TRIES = 5


class Shown(OverLedger, AthenaBackend):
    """A deployment as the pages see it; see `console.source.Source`."""

    def __init__(self, lake: Lake, athena: Athena, store: Store, *, queries: bool) -> None:
        super().__init__(athena, store, AthenaQueries(athena) if queries else None)
        self.lake = lake
        self.ledger = ListedLedger(store, LOOK)
        self.snapshot = KeptSnapshot(store)
        self._answers = CachedAnswers(KEPT)

    def shows(self, build_id: str | None) -> bool:
        """Whether the catalog shows a build whole: it takes up its tables one after the other."""
        return self.version() == build_id

    def lag(self, build_id: str | None) -> str:
        """Answers are old, or of two builds, until the catalog shows the newest."""
        return "" if self.shows(build_id) else "moving"

    def ask(self, statement: Statement) -> Result:
        """The answer to a statement; kept where the catalog shows a build whole."""
        ask, version = partial(super().ask, statement), self.version()
        return ask() if version is None else self._answers.get((version, statement[0], *statement[1]), ask)

    def rejects(self, row: LedgerRow, statement: Statement) -> Result:
        """The answer to a statement over the rejected rows of one file; kept."""
        key = (row.file_id, row.revision, statement[0], *statement[1])
        return self._answers.get(key, partial(AthenaBackend.rejects, self, row, statement))

    def reports(self, wanted: Sequence[tuple[Report, Mapping[str, Value]]]) -> list[Result]:
        """The answers to several reports, asked side by side."""
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="reports") as pool:
            return list(pool.map(lambda each: self.report(*each), wanted))

    def said_of_order(self, order_id: int, files: Sequence[LedgerRow]) -> Result:
        """What the records of some published files say of an order."""
        days = [row.pa_date for row in files]
        result = self.athena.ask(*statements.said_of_order(order_id, (min(days), max(days))))
        known = {row.file_id for row in files}
        return Result(result.columns, [row for row in result.rows if row[0] in known], result.bytes_scanned)


class RawBucket:
    """The raw bucket as the pages see it; see `console.source.Landing`."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._looked: float | None = None
        self._keys: dict[str, None] = {}

    def files(self) -> list[str]:
        """The keys of all orders files."""
        return list(self._listed())

    def holds(self, key: str) -> bool:
        """Whether a file lies there."""
        return key in self._listed()

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder for a file that is being sent: it passes through this machine's folder for temporary files."""
        with tempfile.TemporaryDirectory(prefix="duff-upload-") as folder:
            yield Path(folder)

    def put(self, path: Path, replaces: str | None = None, prefix: str = "") -> str:
        """Put a file there, never over another; its key."""
        s3 = boto3.client("s3")
        size, etag = fingerprint(path)
        if size > LARGEST:
            raise InputError(f"{path.name}: {size:,} bytes go in parts only, with `duff upload`")
        metadata = {"md5": etag} | ({} if replaces is None else {layout.REPLACES: replaces})
        for key in free_names(path.name, etag, prefix=prefix):
            there = self._look_at(s3, key)
            if there is None and not self._upload_new(s3, path, key, metadata):
                there = self._look_at(s3, key)  # somebody else was faster
            if there is None or (there[0] == size and etag in there[1]):
                if there and replaces not in (None, there[2]):
                    raise already_there(key, str(replaces))
                with self._lock:
                    self._looked = None
                return key
        raise InputError(f"{path.name}: the raw bucket holds other files of this name; rename it")

    def _upload_new(self, s3: Any, path: Path, key: str, metadata: dict[str, str]) -> bool:
        """Put a file under a key that nothing has; False, and nothing put, where something does by then."""
        for _ in range(TRIES):
            try:
                with path.open("rb") as body:
                    s3.put_object(Bucket=self.store.raw_bucket, Key=key, Body=body, Metadata=metadata, IfNoneMatch="*")
            except ClientError as error:
                if error.response["Error"]["Code"] in ("PreconditionFailed", "412"):
                    return False
                if error.response["Error"]["Code"] not in ("ConditionalRequestConflict", "409"):
                    raise
            else:
                return True
        raise PipelineError(f"{key}: others put files of this name all the time; try again")

    def _look_at(self, s3: Any, key: str) -> tuple[int, set[str], str | None] | None:
        """The size of an object, what tells its content, as a large one's entity tag does not, and what it replaces.

        None: there is none.
        """
        try:
            head = s3.head_object(Bucket=self.store.raw_bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
                return None
            raise
        metadata = head["Metadata"]
        return (
            head["ContentLength"],
            {head["ETag"].strip('"'), metadata.get("md5", "")},
            metadata.get(layout.REPLACES),
        )

    def _listed(self) -> dict[str, None]:
        with self._lock:
            if self._looked is None or time.monotonic() - self._looked > LOOK:
                self._keys = {key: None for key in keys(self.store) if not layout.left_alone(key)}
                self._looked = time.monotonic()
            return self._keys


def source_of(remote: "Remote", *, queries: bool) -> Shown:
    """A deployment, for anyone with credentials for it."""
    athena = Athena(boto3.client("athena"), remote.outputs["WorkGroup"], remote.outputs["Database"])
    return Shown(remote.lake, athena, remote.store, queries=queries)
