"""Corrections that a person published on a file's page: who, when, and each cell before and after."""

from duff_orders.documents import Corrections, Publication
from duff_orders.lake import layout
from duff_orders.lake.documents import CORRECTIONS
from duff_orders.lake.stores.base import Store


def published(store: Store, file_id: str) -> tuple[Publication, ...]:
    """What was published of a file's corrections, oldest first. Raises DamagedObject where it cannot be read."""
    found = CORRECTIONS.read(store, layout.corrections_object(file_id))
    return found.published if found else ()


def note(store: Store, file_id: str, publication: Publication) -> None:
    """Tell of one more; of one object once, however often it is put."""

    def told(before: Corrections | None) -> Corrections | None:
        known = before.published if before else ()
        if any(each.key == publication.key for each in known):
            return None
        return Corrections(file_id=file_id, published=(*known, publication))

    CORRECTIONS.change(store, layout.corrections_object(file_id), told)
