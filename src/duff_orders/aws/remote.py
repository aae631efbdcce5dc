"""A deployment as its engineer uses it: upload files, follow, replay and query them, and see how it is doing."""

import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from duff_orders.aws.announcement import announcement
from duff_orders.aws.arrivals import AT_ONCE, room, send
from duff_orders.aws.replays import Replay, ended_badly, not_replaced
from duff_orders.aws.stacks import Deployment, store_of
from duff_orders.clock import utc_now
from duff_orders.documents import Event, LedgerRow
from duff_orders.errors import Busy, InputError, PipelineError
from duff_orders.lake import layout, partners
from duff_orders.lake.documents import EVENTS, LEDGER_ROWS, OnDamage
from duff_orders.lake.glue_catalog import behind
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import check_name, keys, replaceable, to_take_up_again
from duff_orders.lake.snapshot import Snapshot
from duff_orders.lake.stores.base import Store, names
from duff_orders.lake.survey import survey
from duff_orders.lake.unannounced import ON_ITS_WAY, unannounced
from duff_orders.local.check import Proof, doubles
from duff_orders.local.repair import Repaired, mend
from duff_orders.query.athena import Athena, ResultPages
from duff_orders.query.guard.check import check
from duff_orders.settings import Settings

#: The metadata of a raw object by which `upload` knows its own.
UPLOAD = "duff-upload"
# Where files have documents of their ids once they were announced.
_KNOWN = (EVENTS.folder, LEDGER_ROWS.folder)
#: The states of a job run that has not ended.
GOING_ON = ("STARTING", "RUNNING", "STOPPING", "WAITING")
# Of deployments that do not tell theirs.
_MAX_RUNNING = 500
# How often, in seconds, is looked whether replays have failed.
_LOOK = 3.0
# How often the ledger is looked at while a file is on its way.
_PAUSE = 0.5


@dataclass(frozen=True)
class Remote:
    """A deployment, by the name of its stacks; raises InputError where it is not there."""

    deployment: Deployment
    settings: Settings

    @classmethod
    def of(cls, name: str, settings: Settings) -> "Remote":
        """The deployment of a prefix; `duff-orders` is the one without a prefix."""
        return cls(Deployment.of(name), settings)

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The outputs of the stacks of the first two phases."""
        return {**self.deployment.outputs("buckets"), **self.deployment.outputs("etl")}

    @cached_property
    def models(self) -> dict[str, str]:
        """The outputs of the stack of the third phase."""
        return self.deployment.outputs("models")

    @cached_property
    def store(self) -> Store:
        """Its buckets."""
        return store_of(self.outputs)

    @cached_property
    def lake(self) -> Lake:
        """The lake in its buckets."""
        return Lake(self.settings, self.store)

    def upload(
        self,
        paths: Sequence[Path],
        *,
        partner: str | None = None,
        replaces: str | None = None,
        sent: Callable[[str, int], None] = lambda name, size: None,
    ) -> list[Event]:
        """Put files into the raw bucket, under their names; `sent` is told of bytes on their way, by a file's name.

        A file that has the name of another becomes a new version beside it. `partner` names a profile, under whose
        prefix they are put. `replaces` are the first characters of the
        id of an invalid or failed file whose place the one that is given takes. Raises InputError for what is no
        orders file, or replaces none, before any is sent.
        """
        import boto3

        for path in paths:
            check_name(path)
        own = secrets.token_hex(8)
        metadata = {UPLOAD: own}
        if replaces is not None:
            metadata[layout.REPLACES] = replaceable(self.lake.ledger, replaces)
        prefix = partners.prefix_of(self.store, partner)
        s3, bucket = boto3.client("s3"), self.outputs["RawBucket"]
        announced = []
        for path in paths:
            key = f"{prefix}{path.name}"
            s3.upload_file(
                str(path),
                bucket,
                key,
                ExtraArgs={"Metadata": metadata},
                Callback=lambda size, name=path.name: sent(name, size),
            )
            version = _own_version(s3, bucket, key, own)
            announced.append(
                Event(
                    bucket=bucket,
                    key=key,
                    size=version["ContentLength"],
                    etag=version["ETag"].strip('"'),
                    version=version.get("VersionId"),
                    time=utc_now(),
                )
            )
        return announced

    def outcomes(self, awaited: Iterable[Event], *, after: Mapping[str, Replay], timeout: float) -> Iterator[LedgerRow]:
        """The ledger row of each event once it is there, of a later revision than that before its replay.

        A replay that fails leaves the outcome of before in the ledger: its row is told with the verdict `failed`.
        Raises PipelineError for those that have none after `timeout` seconds.
        """
        waiting = {event.file_id: event.key for event in awaited}
        deadline = time.monotonic() + timeout
        look = time.monotonic() + _LOOK
        while waiting:
            ended: set[str] = set()
            if after and time.monotonic() > look:
                ended, look = ended_badly(self.outputs["StateMachine"], after.values()), time.monotonic() + _LOOK
            for file_id in list(waiting):
                row, replay = self.lake.ledger.of(file_id, lenient=True), after.get(file_id)
                if row is not None and (replay is None or row.revision > replay.revision):
                    del waiting[file_id]
                    yield row
                elif row is not None and replay is not None and replay.execution in ended:
                    del waiting[file_id]
                    yield not_replaced(row, replay)
            if waiting and time.monotonic() > deadline:
                raise PipelineError(
                    f"no verdict within {timeout:.0f} s on {', '.join(sorted(waiting.values()))}; "
                    "`duff status` shows what is running"
                )
            if waiting:
                time.sleep(_PAUSE)

    def replay(
        self,
        file_ids: Sequence[str] = (),
        *,
        failed: bool = False,
        everything: bool = False,
        stale: bool = False,
        partner: str | None = None,
        left_out: OnDamage | None = None,
    ) -> tuple[list[Event], dict[str, Replay]]:
        """Start an execution for each file named, for those that failed, or for all; gives events and executions.

        Or for those that are `stale`, and with `partner` only for its files. Tells `left_out`, and raises, as the
        choice (`lake.raw`) and `take_up_again` do.
        """
        chosen = to_take_up_again(
            self.store,
            file_ids,
            failed=failed,
            everything=everything,
            stale=Decimal(self.outputs["MaxRejectShare"]) if stale else None,
            partner=partner,
            damaged=left_out,
        )
        return chosen, self.take_up_again(chosen)

    def take_up_unannounced(self) -> list[Event]:
        """Announce the files that lie in the raw bucket and that nothing announced, and give their events."""
        known = {PurePosixPath(name).stem for folder in _KNOWN for name in names(self.store, folder)}
        events = [*unannounced(self.store, known, utc_now() - ON_ITS_WAY)]
        self.announce(events)
        return events

    def announce(self, events: Sequence[Event]) -> None:
        """Put the announcements of files into the queue of arrivals."""
        if events:
            send(self.outputs["Arrived"], [announcement(event) for event in events])

    def take_up_again(self, chosen: Sequence[Event]) -> dict[str, Replay]:
        """Start an execution for each file, which replaces its outcome; gives them by the files' ids.

        While as many are under way as the deployment lets run at once, the others wait here.
        An execution is named by the file and the revision it is to make: the second of two replays at once is told
        that there is one, by an InputError.
        """
        import boto3

        objects = [layout.ledger_object(event.pa_date, event.file_id) for event in chosen]
        revisions = {row.file_id: row.revision for row in self.lake.ledger.named(objects, damaged=lambda _: None)}
        client, left, started = boto3.client("stepfunctions"), 0, dict[str, Replay]()
        machine, most = self.outputs["StateMachine"], int(self.outputs.get("MaxRunning", _MAX_RUNNING))
        for event in chosen:
            while left < 1 and (left := room(machine, most)) < 1:
                time.sleep(_PAUSE)
            left -= 1
            revision = revisions.get(event.file_id, -1)
            try:
                done = client.start_execution(
                    stateMachineArn=machine,
                    name=f"replay-{event.file_id}-r{revision + 1}-{utc_now():%Y%m%dT%H%M}",
                    input=json.dumps(announcement(event, replay=True)),
                )
            except client.exceptions.ExecutionAlreadyExists:
                raise InputError(f"{event.key}: a replay of this file was just started") from None
            started[event.file_id] = Replay(revision, done["executionArn"], done["startDate"])
        return started

    def repair(self, *, dry_run: bool = False, timeout: float) -> Repaired:
        """Mend what `prove` finds damaged when it looks at every byte; see `local.repair`.

        Files are processed again by the state machine; a star schema that is damaged is built anew by its job.
        """
        state = survey(self.lake, put_before=utc_now() - ON_ITS_WAY)
        if dry_run:
            return Repaired(faults=[*map(str, state.faults)])

        def process(events: list[Event], again: bool) -> list[LedgerRow]:
            after: dict[str, Replay] = {}
            if again:
                after = self.take_up_again(events)
            else:
                self.announce(events)
            return [*self.outcomes(events, after=after, timeout=timeout)]

        done = mend(self.lake, state, process)
        if state.of("rebuild"):
            self.store.delete(layout.STAR_POINTER)  # kept aside; without it all is built from nothing
            self.build(rebuild=True, timeout=timeout)
        return done

    def build(self, *, rebuild: bool = False, timeout: float) -> dict[str, Any]:
        """Bring the star schema up to the ledger at once, and wait until it is; what the build did.

        Raises Busy where another build is under way, PipelineError where it fails, or takes longer than `timeout`
        seconds.
        """
        import boto3
        from botocore.config import Config

        once = Config(read_timeout=timeout, retries={"total_max_attempts": 1})
        payload = json.dumps({"build": {"at_once": True, "rebuild": rebuild}})
        client = boto3.client("lambda", config=once)
        done = client.invoke(FunctionName=self.models["BuildModels"], Payload=payload)
        outcome: dict[str, Any] = json.loads(done["Payload"].read())
        if "FunctionError" in done:
            raise PipelineError(
                f"the build failed: {outcome.get('errorType', '')}: {outcome.get('errorMessage', outcome)}"
            )
        if "again_in" in outcome:
            raise Busy("the star schema", time.time() + outcome["again_in"])
        if "job_run_id" in outcome:
            outcome |= self._job_run(outcome["job_run_id"], timeout)
        return outcome

    def _job_run(self, run_id: str, timeout: float) -> dict[str, Any]:
        """How a run of the job that makes large builds has ended, once it has."""
        import boto3

        glue, job, deadline = boto3.client("glue"), self.models["ModelsJob"], time.monotonic() + timeout
        while True:
            run = glue.get_job_run(JobName=job, RunId=run_id)["JobRun"]
            state = run["JobRunState"]
            if state == "SUCCEEDED":
                return {"kind": "job"}
            if state not in GOING_ON:
                raise PipelineError(f"the build failed: {job} {run_id} {state}: {run.get('ErrorMessage', '')}")
            if time.monotonic() > deadline:
                raise PipelineError(f"the build is not done within {timeout:.0f} s: {job} {run_id} is {state}")
            time.sleep(_PAUSE)

    def ask(self, sql: str, *, timeout: float) -> ResultPages:
        """One read-only SELECT, answered by Athena; raises QueryRefused for anything else."""
        import boto3

        check(sql)
        athena = Athena(boto3.client("athena"), self.outputs["WorkGroup"], self.outputs["Database"])
        return athena.run(sql, timeout=timeout)

    def left_alone(self) -> list[str]:
        """The keys in the raw bucket of what the contract leaves alone: one request for each 1,000 objects there."""
        return [key for key in keys(self.store) if layout.left_alone(key)]

    def redrive(self) -> int:
        """Move the announcements in the dead-letter queue to that of arrivals; returns how many there were."""
        import boto3

        sqs = boto3.client("sqs")
        queue, number = self.outputs["Undelivered"], 0
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=AT_ONCE).get("Messages"):
            for each in messages:
                sqs.send_message(QueueUrl=self.outputs["Arrived"], MessageBody=each["Body"])
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"])
                number += 1
        return number

    def prove(self, *, deep: bool = False) -> Proof:
        """What does not hold between documents, the objects that Athena sees, and the catalog.

        `deep`: every byte of the objects is fetched and compared with its digest; else their sizes are compared.
        """
        import boto3

        state = survey(self.lake, digests=deep, put_before=utc_now() - ON_ITS_WAY)
        rows = [*state.rows.values()]
        problems = [*map(str, state.faults), *doubles(rows)]
        for table in behind(self.store, boto3.client("glue"), self.outputs["Database"], state.star or Snapshot()):
            problems.append(f"{table}: the catalog is behind the star schema; the next build mends it")
        read = sum(row.rows_read for row in rows)
        return Proof(len(rows), read, problems, 0, "of a deployment none is", self.left_alone())


def _own_version(s3: Any, bucket: str, key: str, own: str) -> dict[str, Any]:
    """The head of the version that was uploaded with a token of its own: another may have been put over it since."""
    head: dict[str, Any] = s3.head_object(Bucket=bucket, Key=key)
    if head["Metadata"].get(UPLOAD) == own:
        return head
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key)
    for each in (each for page in pages for each in page.get("Versions", ()) if each["Key"] == key):
        head = s3.head_object(Bucket=bucket, Key=key, VersionId=each["VersionId"])
        if head["Metadata"].get(UPLOAD) == own:
            return head
    raise PipelineError(f"{key} was uploaded, and is there no more; upload it again")
