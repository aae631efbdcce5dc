"""Documents grow: older ones are read, newer and wrong ones are refused with a clear word."""

import json
from pathlib import Path
from typing import Any

import pytest

from duff_orders.documents import Dialect, Event, LedgerRow
from duff_orders.documents.document import FORM, Document
from duff_orders.lake.snapshot import Snapshot

OLD = Path(__file__).parent / "documents" / "0.1.0"
KINDS: dict[str, type[Document]] = {"ledger_row": LedgerRow, "event": Event, "snapshot": Snapshot}


#: What documents have been given since, and its default.
GIVEN_SINCE: dict[str, dict[str, Any]] = {
    "event": {"sequencer": None, "replaces": None, "changes": 0},
    "snapshot": {"ledger_read": None, "interim": {}, "ledger": {}, "contract": 1, "digests": {}, "order_ids": {}},
    "ledger_row": {
        "remarks": None,
        "contract": 1,
        "sequencer": None,
        "corrects": None,
        "attempts": None,
        "content": None,
        "object_digests": None,
        "profile": None,
        "reading": None,
    },
}


def old(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((OLD / f"{name}.json").read_bytes())
    return found


@pytest.mark.parametrize("name", KINDS)
def test_documents_of_0_1_0_are_read(name: str) -> None:
    document = KINDS[name].from_json((OLD / f"{name}.json").read_bytes())
    given = GIVEN_SINCE.get(name, {})
    assert json.loads(document.to_json()) == old(name) | given
    stored = json.loads(document.stored())
    assert len(stored.pop("digest")) == 32
    assert stored == old(name) | given | {"v": FORM}
    assert KINDS[name].from_json(document.to_json()) == document
    assert KINDS[name].from_json(document.stored()) == document


def test_a_field_that_an_older_release_did_not_have_takes_its_default() -> None:
    values = old("ledger_row")
    del values["rejected_objects"], values["revision"]
    row = LedgerRow.from_json(json.dumps(values))
    assert (row.rejected_objects, row.revision) == (0, 0)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"size": "abc"}, 'size is "abc"; expected int'),
        ({"size": 1.5}, "size is 1.5"),
        ({"size": True}, "size is true"),
        ({"size": None}, "size is null"),
        ({"verdict": "good"}, 'verdict is "good"'),
        ({"event_time": 5}, "event_time is 5"),
        ({"event_time": "2026-01-01T00:00:00"}, "no time zone"),
        ({"extra_columns": "a"}, 'extra_columns is "a"'),
        ({"extra_columns": [1]}, "extra_columns is 1"),
        ({"nulls": {"client_id": "many"}}, 'nulls is "many"'),
        ({"colour": "blue"}, "has no colour"),
        ({"v": FORM + 1}, "take a newer one"),
        ({"v": "x"}, "of form 'x'"),
    ],
)
def test_what_is_wrong_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        LedgerRow.from_json(json.dumps(old("ledger_row") | changed))


@pytest.mark.parametrize("text", ["[]", "5", "null", "{}", "", "{"])
def test_what_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 – json's errors are such, too
        LedgerRow.from_json(text)


def test_a_dialect_keeps_the_places_of_further_columns() -> None:
    dialect = Dialect(encoding="utf-8", delimiter=";", decimal_mark=",", fields=2, places=(0,))
    assert Dialect.from_json(dialect.to_json()) == dialect


@pytest.mark.parametrize("name", KINDS)
def test_a_stored_document_proves_each_of_its_bits(name: str) -> None:
    kind = KINDS[name]
    stored = kind.from_json((OLD / f"{name}.json").read_bytes()).stored()
    for place, byte in enumerate(stored):
        for bit in range(8):
            with pytest.raises(ValueError, match=r"."):
                kind.from_json(stored[:place] + bytes([byte ^ 1 << bit]) + stored[place + 1 :])
        with pytest.raises(ValueError, match=r"."):
            kind.from_json(stored[:place])


def test_a_stored_document_needs_its_digest() -> None:
    stored = LedgerRow.from_json((OLD / "ledger_row.json").read_bytes()).stored()
    values = json.loads(stored)
    del values["digest"]
    with pytest.raises(ValueError, match="not as it was written"):
        LedgerRow.from_json(json.dumps(values))
    with pytest.raises(ValueError, match="has no digest"):
        LedgerRow.from_json(stored.replace(b'"v": %d' % FORM, b'"v": 3'))
