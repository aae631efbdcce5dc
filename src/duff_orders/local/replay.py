"""Process raw objects again under today's rules, replacing the old outcome."""

from collections.abc import Iterable, Iterator

from duff_orders.documents import LedgerRow
from duff_orders.ingest.transform import check_engines
from duff_orders.lake.cleanup import sweep
from duff_orders.lake.documents import OnDamage
from duff_orders.lake.lake import Lake
from duff_orders.lake.raw import to_take_up_again
from duff_orders.local.run import process_all
from duff_orders.progress import OnPhase, ignore_phase


def replay(
    lake: Lake,
    file_ids: Iterable[str] = (),
    *,
    failed: bool = False,
    everything: bool = False,
    stale: bool = False,
    partner: str | None = None,
    phase: OnPhase = ignore_phase,
    left_out: OnDamage | None = None,
) -> Iterator[LedgerRow]:
    """Process raw objects again under today's rules, in place of the old outcome; yields the new ledger rows.

    Takes the files named (the first characters of a file_id are enough), those with the verdict `failed`, those that
    would be read in another way by now (`stale`), or every one; with `partner` only those of this profile. Files that
    were announced but never finished count as failed. At the end what nothing names any more, and no reader can want,
    is removed. Raises UnknownFile, SettingsError as `run` does, and DamagedObject for a file whose
    announcement cannot be read; of one that is not named `left_out` is told, if there is one.
    """
    waiting = to_take_up_again(
        lake.store,
        file_ids,
        failed=failed,
        everything=everything,
        stale=lake.settings.max_reject_share if stale else None,
        partner=partner,
        damaged=left_out,
    )
    check_engines(lake.settings, (event.size for event in waiting))
    yield from process_all(lake, waiting, replay=True, phase=phase)
    sweep(lake)
