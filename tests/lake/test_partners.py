"""Profiles in a lake: which one holds for a key, every text that was put, and what is damaged."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from duff_orders.errors import DamagedObject, InputError
from duff_orders.lake import layout, partners
from duff_orders.lake.stores.base import Store
from duff_orders.lake.stores.disk import DiskStore
from duff_orders.profiles.profile import ProfileError
from duff_orders.profiles.reading import resolve
from tests.memory import MemoryStore

ACME = 'prefix = "acme/"\n[headers]\nproduct_price = "Precio"\n'
NOW, LATER = datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(params=["disk", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return DiskStore(tmp_path) if request.param == "disk" else MemoryStore()


def test_the_one_that_holds_is_that_of_the_longest_prefix(store: Store) -> None:
    assert partners.of_key(store, "acme/a.csv") is None
    partners.put(store, "acme", ACME, NOW)
    partners.put(store, "shops", ACME.replace("acme/", "acme/shops/").replace("Precio", "Price"), NOW)
    found = {key: partners.of_key(store, key) for key in ("acme/a.csv", "acme/shops/a.csv", "moes/a.csv")}
    names = {key: known and (known.entry.name, known.profile.headers["product_price"]) for key, known in found.items()}
    assert names == {
        "acme/a.csv": ("acme", ("Precio",)),
        "acme/shops/a.csv": ("shops", ("Price",)),
        "moes/a.csv": None,
    }


def test_a_text_takes_the_place_of_the_one_before_and_that_is_kept(store: Store) -> None:
    first = partners.put(store, "acme", ACME, NOW)
    assert partners.put(store, "acme", ACME, LATER) == first  # nothing changed
    second = partners.put(store, "acme", ACME.replace("Precio", "Importe"), LATER)
    assert partners.partners(store).profiles == (second,)
    assert partners.text_of(store, first) == ACME
    partners.remove(store, "acme")
    assert partners.partners(store).profiles == ()
    assert partners.of_key(store, "acme/a.csv") is None
    assert "Importe" in partners.text_of(store, second)


def test_what_is_refused(store: Store) -> None:
    partners.put(store, "acme", ACME, NOW)
    for name in ("", "Acme", "../acme", "a" * 64, "-a"):
        with pytest.raises(InputError, match="names no partner"):
            partners.put(store, name, ACME, NOW)
    with pytest.raises(InputError, match="acme/: the profile acme holds for this prefix"):
        partners.put(store, "other", ACME, NOW)
    with pytest.raises(ProfileError, match="prefix: is missing"):
        partners.put(store, "acme", "", NOW)
    with pytest.raises(InputError, match="no profile 'moes'; there are: acme"):
        partners.remove(store, "moes")
    assert [each.name for each in partners.partners(store).profiles] == ["acme"]


@pytest.mark.parametrize("data", [ACME.replace("Precio", "Importe").encode(), b"", None])
def test_a_profile_that_is_not_as_it_was_written_judges_nothing(tmp_path: Path, data: bytes | None) -> None:
    store = DiskStore(tmp_path)
    entry = partners.put(store, "acme", ACME, NOW)
    path = store.path(layout.profile_object("acme", entry.digest))
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(DamagedObject, match=f"acme/{entry.digest}.toml"):
        partners.of_key(store, "acme/a.csv")
    assert partners.of_key(store, "moes/a.csv") is None
    partners.put(store, "acme", ACME.replace("Precio", "Price"), NOW)
    partners.put(store, "acme", ACME, NOW)  # which mends it
    assert partners.of_key(store, "acme/a.csv") is not None
    path = store.path(layout.PARTNERS_INDEX)
    path.write_bytes(path.read_bytes().replace(b"acme/", b"moes/"))
    with pytest.raises(DamagedObject, match=r"index\.json"):
        partners.of_key(store, "moes/a.csv")


def test_readings_are_kept_by_what_they_say(store: Store) -> None:
    partners.put(store, "acme", ACME, NOW)
    reading = partners.reading_of(store, "acme/a.csv", Decimal("0.5"))
    assert reading.profile == "acme"
    for _ in range(2):
        partners.record(store, reading)
        assert partners.reading(store, reading.name) == reading
    with pytest.raises(DamagedObject, match="it is gone"):
        partners.reading(store, "0" * 32)
    other = partners.reading_of(store, "moes/a.csv", Decimal("0.5"))
    assert other == resolve(None, None, Decimal("0.5"))
    store.put_new(layout.reading_object("1" * 32), other.stored())
    with pytest.raises(DamagedObject, match=f"it is processed/readings/{other.name}"):
        partners.reading(store, "1" * 32)
