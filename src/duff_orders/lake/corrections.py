"""Corrections that a person published on a file's page: who, when, and each cell before and after."""

from duff_orders.documents import Corrections, Publication
from duff_orders.errors import PipelineError
from duff_orders.lake import layout
from duff_orders.lake.documents import CORRECTIONS
from duff_orders.lake.stores.base import Store

# How often a document that somebody else writes, too, is read and written again.
_ATTEMPTS = 20


def published(store: Store, file_id: str) -> tuple[Publication, ...]:
    """What was published of a file's corrections, oldest first. Raises DamagedObject where it cannot be read."""
    found = CORRECTIONS.read(store, layout.corrections_object(file_id))
    return found.published if found else ()


def note(store: Store, file_id: str, publication: Publication) -> None:
    """Tell of one more; of one object once, however often it is put."""
    name = layout.corrections_object(file_id)
    for _ in range(_ATTEMPTS):
        stored = store.read(name)
        before = CORRECTIONS.decode(name, stored).published if stored else ()
        if any(each.key == publication.key for each in before):
            return
        document = Corrections(file_id=file_id, published=(*before, publication))
        if store.replace(name, document.stored(), stored.token if stored else None):
            return
    raise PipelineError(f"{name} is written by others all the time; try again")
