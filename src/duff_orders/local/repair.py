"""`duff repair`: whatever is damaged or gone is kept aside, and made anew from what still proves it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from duff_orders.clock import utc_now
from duff_orders.contract import ORDERS, REJECTED_ROWS, TABLES, VERSION
from duff_orders.errors import SourceChanged
from duff_orders.ingest.publish import publish
from duff_orders.lake import layout, relation
from duff_orders.lake.cleanup import sweep
from duff_orders.lake.lake import Lake
from duff_orders.lake.repair import Repair
from duff_orders.lake.survey import Survey, object_names
from duff_orders.local.check import look
from duff_orders.local.run import process_all
from duff_orders.messages import Event, LedgerRow, Outcome, Staged, Verdict, entries
from duff_orders.models.build import BuildReport, build
from duff_orders.progress import OnPhase, ignore_phase
from duff_orders.reasons import reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """What a repair did; of one that was only tried, what it found.

    `found` is a sentence for each fault. `made` and `aside` are the names of documents that were made anew and of
    where objects are kept, `again` the outcomes of files that were processed again, `lost` a sentence for each thing
    that nothing can mend.
    """

    found: Sequence[str]
    made: Sequence[str] = ()
    aside: Sequence[str] = ()
    again: Sequence[LedgerRow] = ()
    lost: Sequence[str] = ()
    build: BuildReport | None = None


def repair(lake: Lake, *, dry_run: bool = False, phase: OnPhase = ignore_phase) -> Repaired:
    """Mend what `check` finds damaged; `dry_run`: tell what that is.

    Documents are made from others, files are processed again from the raw folder, and the star schema is built anew.
    What is damaged is kept aside, never deleted. Of a file whose raw object is gone, too, its whole objects stay
    published, and the ledger tells what is lost. It can be cut off at any point, and run again.
    """
    found, _ = look(lake, phase)
    told = [*map(str, found.faults)]
    if dry_run:
        return Repaired(found=told)
    work = Repair(lake.store, found, utc_now())
    work.documents()
    waiting, gone = _to_process(lake, work)
    for event in (*waiting, *gone):
        _keep_harmed(work, event)
    again = [*process_all(lake, waiting, replay=True, phase=phase)]
    again += [row for event in gone if (row := _without_raw(lake, work, event))]
    _unnamed(lake, work)
    for fault in found.of("rebuild"):
        work.keep(fault.name)
    report = build(lake, rebuild=bool(found.of("rebuild")), phase=phase)
    sweep(lake)
    return Repaired(found=told, made=work.made, aside=work.aside, again=again, lost=work.lost, build=report)


def _to_process(lake: Lake, work: Repair) -> tuple[list[Event], list[Event]]:
    """The files that are to be processed again: those whose raw objects are there, and those whose are not."""
    wanted = {fault.file_id for fault in work.found.of("replay")}
    wanted |= {row.file_id for row in work.found.rows.values() if (row.error or "").startswith("DamagedObject")}
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


def _forget(work: Repair, file_id: str) -> None:
    """Put aside the ledger row, and the objects, of a file of which nothing tells what it was."""
    rows = [fault.name for fault in work.found.of("replay") if fault.file_id == file_id]
    objects = [name for name in work.found.sizes if file_id in name]
    for name in {*rows, *objects}:
        work.put_aside(name)
    work.lost.append(f"{file_id}: nothing tells any more which file it was; if it lies there, it is new")


def _keep_harmed(work: Repair, event: Event) -> None:
    """Keep aside the ledger row that cannot be read, and the objects that are not as they were written, or may not."""
    harmed = {fault.name for fault in work.found.of("replay") if fault.file_id == event.file_id}
    if event.file_id not in work.found.rows:
        harmed.update(_objects(work.found, event, None))
    for name in sorted(harmed):
        work.keep(name)


def _without_raw(lake: Lake, work: Repair, event: Event) -> LedgerRow | None:
    """Publish of a file whose raw object is gone what is whole, and say in the ledger what is lost."""
    row = work.found.rows.get(event.file_id)
    if row is not None and row.verdict == "failed":
        return None  # its verdict tells so already
    orders, rejected = (_whole(work.found, event, row, table) for table in (ORDERS.name, REJECTED_ROWS.name))
    version = row.contract if row else VERSION
    with lake.engine() as (connection, _):

        def ask(table: str, names: Sequence[str], what: str) -> list[str]:
            source = relation.of_objects(lake.store, TABLES[table], names, version=version)
            return [value for (value,) in connection.execute(f"select {what} from ({source})").fetchall()]

        published, kept = (len(ask(table, names, "1")) for table, names in _tables(orders, rejected))
        corrects, attempts = (
            entries(value for value in ask(table, names, "corrects") if value)
            for table, names in _tables(orders, rejected)
        )
    had_orders = any(f"/{layout.FOLDERS[ORDERS.name]}/" in name for name in _objects(work.found, event, row))
    verdict: Verdict = "valid_with_rejects" if orders else "failed" if had_orders or not rejected else "invalid"
    told = _known(row)
    if verdict == "failed":
        published, kept, orders, rejected, corrects, attempts = 0, 0, (), (), None, None
    outcome = Outcome(
        verdict=verdict,
        reason=reason("lost" if verdict == "failed" else "lost_in_part", known=told),
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
        engine=row.engine if row else None,  # type: ignore[arg-type]  # what wrote it
        orders=orders,
        rejected=rejected,
    )
    with lake.store.lock(f"file-{event.file_id}"), lake.store.lock(layout.content_lock(content)):
        done = publish(lake, staged)
    work.lost.append(f"{event.key} ({event.file_id}): {outcome.reason}")
    return done


def _tables(orders: Sequence[str], rejected: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    yield ORDERS.name, orders
    yield REJECTED_ROWS.name, rejected


def _objects(found: Survey, event: Event, row: LedgerRow | None) -> list[str]:
    """The objects that a file has, or had; of one whose row cannot be read, those of the newest revision there."""
    if row is not None:
        return object_names(row)
    there = [(name, parsed) for name in found.sizes if (parsed := layout.parse_data_object(name))]
    own = [(name, parsed.revision) for name, parsed in there if parsed.file_id == event.file_id]
    newest = max((revision for _, revision in own), default=0)
    return [name for name, revision in own if revision == newest]


def _whole(found: Survey, event: Event, row: LedgerRow | None, table: str) -> tuple[str, ...]:
    """The objects of a file in a table that are there, and as they were written."""
    harmed = {fault.name for fault in found.faults}
    folder = f"{layout.PROCESSED}/{layout.FOLDERS[table]}/"
    named = _objects(found, event, row)
    return tuple(name for name in named if name.startswith(folder) and name in found.sizes and name not in harmed)


def _known(row: LedgerRow | None) -> str:
    """The last counts of a file, in words."""
    if row is None:
        return "no counts"
    return f"{row.rows_read} rows read, {row.rows_published} published, {row.rows_rejected} rejected"


def _unnamed(lake: Lake, work: Repair) -> None:
    """Put aside objects that no ledger row names; under the lock of their file, where one may be at work on it."""
    for fault in work.found.of("aside"):
        if fault.name not in work.found.sizes:
            continue
        parsed = layout.parse_data_object(fault.name)
        if parsed is None:
            work.put_aside(fault.name)
            continue
        with lake.store.lock(f"file-{parsed.file_id}"):
            day = layout.pa_date_of(fault.name)
            row = lake.ledger.get(day, parsed.file_id, lenient=True) if day else None
            if row is None or fault.name not in object_names(row):
                work.put_aside(fault.name)
