"""`duff repair`: sets aside whatever is damaged or gone, and recreates it from what still proves it."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from duff_orders.clock import utc_now
from duff_orders.contract import ORDERS, REJECTED_ROWS, TABLES, VERSION
from duff_orders.documents import Entry, Event, LedgerRow, Outcome, Staged, Verdict, entries
from duff_orders.drivers.duckdb import ERRORS, read_parquet
from duff_orders.errors import EngineError, SourceChanged
from duff_orders.ingest.publish import publish
from duff_orders.lake import layout, relation
from duff_orders.lake.cleanup import sweep
from duff_orders.lake.lake import Lake
from duff_orders.lake.repair import Repair
from duff_orders.lake.survey import Survey
from duff_orders.local.check import look
from duff_orders.local.run import process_all
from duff_orders.models.build import BuildReport, build
from duff_orders.progress import OnPhase, ignore_phase
from duff_orders.reasons import reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """What a repair did; of one that was only tried, what it found.

    `faults` is a sentence for each. `made` and `aside` are the names of documents that were made anew and of
    where objects are kept, `again` the outcomes of files that were processed again, `lost` a sentence for each thing
    that nothing can mend.
    """

    faults: Sequence[str]
    made: Sequence[str] = ()
    aside: Sequence[str] = ()
    again: Sequence[LedgerRow] = ()
    lost: Sequence[str] = ()
    build: BuildReport | None = None


def repair(lake: Lake, *, dry_run: bool = False, phase: OnPhase = ignore_phase) -> Repaired:
    """Mend what `check` finds damaged; `dry_run`: tell what that is.

    Documents are made from others, files are processed again from the raw folder, and the star schema is built anew.
    What is damaged is kept aside, never deleted. Of a file whose raw object is gone, too, its whole objects stay
    published, and the ledger says what is lost. It can be cut off at any point, and run again.
    """
    state, _ = look(lake, phase)
    if dry_run:
        return Repaired(faults=[*map(str, state.faults)])
    done = mend(lake, state, lambda events, again: [*process_all(lake, events, replay=again, phase=phase)])
    report = build(lake, rebuild=bool(state.of("rebuild")), phase=phase)
    sweep(lake)
    return replace(done, build=report)


def mend(lake: Lake, survey: Survey, process: Callable[[list[Event], bool], list[LedgerRow]]) -> Repaired:
    """Mend all but the star schema, in a folder or on S3.

    `process` takes files to their ledger rows; those of which something is there already, in its place.
    """
    work = Repair(lake.store, survey, utc_now(), lake.settings.max_reject_share, partial(_ingested, lake))
    work.documents()
    waiting, gone = _to_process(lake, work)
    for event in (*waiting, *gone):
        _keep_harmed(work, event)
    begun = {parsed.file_id for name in survey.sizes if (parsed := layout.parse_data_object(name))} | survey.rows.keys()
    begun |= {fault.file_id for fault in survey.of("replay") if lake.store.exists(fault.name)}
    # what nobody has begun, somebody may be about to: then theirs is the outcome
    again = process([event for event in waiting if event.file_id not in begun], False)
    again += process([event for event in waiting if event.file_id in begun], True)
    again += [row for event in gone if (row := _without_raw(lake, work, event))]
    again += process(_ranking_by(lake, work), True)
    _unnamed(lake, work)
    for fault in survey.of("rebuild"):
        work.keep(fault.name)
    faults = [*map(str, survey.faults)]
    return Repaired(faults=faults, made=work.made, aside=work.aside, again=again, lost=work.lost)


def _to_process(lake: Lake, work: Repair) -> tuple[list[Event], list[Event]]:
    """The files that are to be processed again: those whose raw objects are there, and those whose are not."""
    wanted = {fault.file_id for fault in work.survey.of("replay")}
    wanted |= {row.file_id for row in work.survey.rows.values() if (row.error or "").startswith("DamagedObject")}
    work.events.update(work.survey.unannounced)
    wanted |= work.events.keys() - work.survey.events.keys() - work.survey.rows.keys()  # just made anew
    there: list[Event] = []
    gone: list[Event] = []
    for file_id in sorted(wanted):
        event = work.events.get(file_id)
        if event is None:
            _forget(work, file_id)
            continue
        try:
            lake.store.head(event, 1)
            there.append(event)
        except SourceChanged:
            gone.append(event)
    there.sort(key=lambda event: (event.time, event.key))
    return there, gone


def _ingested(lake: Lake, names: Sequence[str]) -> datetime | None:
    """When the file was announced whose rows stand in objects; None where none of them can be read."""
    for name in names:
        with suppress(*ERRORS, EngineError), lake.engine(only_reads=True) as (connection, scratch):
            source = read_parquet(lake.store.local(name, scratch))
            first = connection.execute(f"select any_value(ingested_at) from {source}").fetchone()
            if first and first[0]:
                time: datetime = first[0]
                return time.replace(tzinfo=UTC)
    return None


def _ranking_by(lake: Lake, work: Repair) -> list[Event]:
    """The files that correct one which may have another time now: by that their rows rank."""
    if not work.dated_anew:
        return []
    rows = lake.ledger.rows(damaged=lambda _: None)  # which were told of before
    named = {
        row.file_id: {Entry.of(each).file_id for each in (*(row.corrects or ()), *(row.attempts or ()))} for row in rows
    }
    return [work.events[id_] for id_, targets in named.items() if targets & work.dated_anew and id_ in work.events]


def _forget(work: Repair, file_id: str) -> None:
    """Put aside the ledger row, and the objects, of a file of which nothing tells what it was."""
    rows = [fault.name for fault in work.survey.of("replay") if fault.file_id == file_id]
    objects = [name for name in work.survey.sizes if file_id in name]
    for name in {*rows, *objects}:
        work.put_aside(name)
    work.lost.append(f"{file_id}: nothing tells any more which file it was; if it lies there, it is new")


def _keep_harmed(work: Repair, event: Event) -> None:
    """Keep aside the ledger row that cannot be read, and the objects that are not as they were written, or may not."""
    harmed = {fault.name for fault in work.survey.of("replay") if fault.file_id == event.file_id}
    if event.file_id not in work.survey.rows:
        harmed.update(_objects(work.survey, event, None))
    for name in sorted(harmed):
        work.keep(name)


def _without_raw(lake: Lake, work: Repair, event: Event) -> LedgerRow | None:
    """Publish of a file whose raw object is gone what is whole, and say in the ledger what is lost."""
    row = work.survey.rows.get(event.file_id)
    if row is not None and row.verdict == "failed":
        return None  # its verdict tells so already
    orders, rejected = (_whole(work.survey, event, row, table) for table in (ORDERS.name, REJECTED_ROWS.name))
    with lake.engine(only_reads=True) as (connection, scratch):
        local = {
            table: [str(lake.store.local(name, scratch)) for name in names]
            for table, names in ((ORDERS.name, orders), (REJECTED_ROWS.name, rejected))
        }
        # a file's objects were all written under one version
        written = (relation.version_of(connection, TABLES[table], paths[0]) for table, paths in local.items() if paths)
        version = row.contract if row else max(written, default=VERSION)

        def ties(table: str) -> list[str | None]:
            """What each row of some objects takes the place of."""
            source = relation.of_paths(TABLES[table], {version: local[table]}, dated=False)
            return [value for (value,) in connection.execute(f"select corrects from ({source})").fetchall()]

        of_orders, of_rejected = ties(ORDERS.name), ties(REJECTED_ROWS.name)
    published, kept = len(of_orders), len(of_rejected)
    corrects, attempts = (entries(each for each in texts if each) for texts in (of_orders, of_rejected))
    had_orders = any(f"/{layout.FOLDERS[ORDERS.name]}/" in name for name in _objects(work.survey, event, row))
    verdict: Verdict = "valid_with_rejects" if orders else "failed" if had_orders or not rejected else "invalid"
    known = _known(row)
    if verdict == "failed":
        published, kept, orders, rejected, corrects, attempts = 0, 0, (), (), None, None
    outcome = Outcome(
        verdict=verdict,
        reason=reason("lost" if verdict == "failed" else "lost_in_part", known=known),
        rows_read=published + kept,
        rows_published=published,
        rows_rejected=kept,
        corrects=corrects,
        attempts=attempts,
    )
    content = row.content_key if row else f"{event.etag}-{event.size}"
    staged = Staged(
        event=event,
        outcome=outcome,
        started=utc_now(),
        replay=True,
        content=content,
        contract=version,
        engine=row.engine if row else None,  # what wrote it
        reading=row.reading if row else None,
        profile=row.profile if row else None,
        orders=orders,
        rejected=rejected,
    )
    with lake.store.lock(f"file-{event.file_id}"), lake.store.lock(layout.content_lock(content)):
        done = publish(lake, staged)
    work.lost.append(f"{event.key} ({event.file_id}): {outcome.reason}")
    return done


def _objects(survey: Survey, event: Event, row: LedgerRow | None) -> list[str]:
    """The objects that a file has, or had.

    Of one whose row cannot be read, in each table those of the revision with most parts, and of these the newest: one
    that was cut off has fewer.
    """
    if row is not None:
        return layout.all_data_objects(row)
    chosen = []
    for table in layout.OBJECT_COUNTS:
        own: dict[int, list[str]] = defaultdict(list)
        for name in sorted(survey.sizes):
            parsed = layout.parse_data_object(name)
            if parsed and parsed.file_id == event.file_id and f"/{layout.FOLDERS[table]}/" in name:
                own[parsed.revision].append(name)
        chosen += max(own.items(), key=lambda each: (len(each[1]), each[0]), default=(0, []))[1]
    return chosen


def _whole(survey: Survey, event: Event, row: LedgerRow | None, table: str) -> tuple[str, ...]:
    """The objects of a file in a table that are there, and as they were written."""
    harmed = {fault.name for fault in survey.faults}
    folder = f"{layout.PROCESSED}/{layout.FOLDERS[table]}/"
    named = _objects(survey, event, row)
    return tuple(name for name in named if name.startswith(folder) and name in survey.sizes and name not in harmed)


def _known(row: LedgerRow | None) -> str:
    """The last counts of a file, in words."""
    if row is None:
        return "no counts"
    return f"{row.rows_read} rows read, {row.rows_published} published, {row.rows_rejected} rejected"


def _unnamed(lake: Lake, work: Repair) -> None:
    """Put aside objects that no ledger row names; under the lock of their file, where one may be at work on it."""
    for fault in work.survey.of("aside"):
        if fault.name not in work.survey.sizes:
            continue
        parsed = layout.parse_data_object(fault.name)
        if parsed is None:
            work.put_aside(fault.name)
            continue
        with lake.store.lock(f"file-{parsed.file_id}"):
            day = layout.pa_date_of(fault.name)
            row = lake.ledger.get(day, parsed.file_id, lenient=True) if day else None
            if row is None or fault.name not in layout.all_data_objects(row):
                work.put_aside(fault.name)
