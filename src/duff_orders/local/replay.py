"""Process raw objects again, under today's rules, in the place of the old outcome."""

from collections.abc import Iterable, Iterator

from duff_orders.ingest.transform import OnPhase, check_engines, ignore_phase
from duff_orders.lake.cleanup import sweep
from duff_orders.lake.lake import Lake
from duff_orders.lake.ledger import the_one
from duff_orders.lake.raw import events
from duff_orders.local.run import process_all
from duff_orders.messages import LedgerRow


def replay(
    lake: Lake,
    file_ids: Iterable[str] = (),
    *,
    failed: bool = False,
    everything: bool = False,
    phase: OnPhase = ignore_phase,
) -> Iterator[LedgerRow]:
    """Process raw objects again under today's rules, in place of the old outcome; yields the new ledger rows.

    Takes the files named (the first characters of a file_id are enough), those with the verdict `failed`, or every
    one; files that were announced but never finished count as failed. At the end what nothing names any more, and no
    reader can want, is removed. Raises UnknownFile, and SettingsError as `run` does.
    """
    known = {event.file_id: event for event in events(lake.store)}
    chosen = set()
    for prefix in file_ids:
        chosen.add(the_one(prefix, known))
    if failed or everything:
        for file_id, event in known.items():
            row = lake.ledger.get(event.pa_date, file_id)
            if everything or row is None or row.verdict == "failed":
                chosen.add(file_id)
    waiting = [event for file_id, event in known.items() if file_id in chosen]
    check_engines(lake.settings, (event.size for event in waiting))
    yield from process_all(lake, waiting, replay=True, phase=phase)
    sweep(lake)
