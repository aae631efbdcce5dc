"""Small typed JSON documents, the same locally and on AWS: passed between stages, and kept in lakes.

- `document`: what each of them is: typed, of a form that is told, with a digest where it is stored
- `events`: what was announced
- `stages`: what the stages hand each other
- `ledger_row`: a file's outcome
- `given_up`: what somebody gave up
- `drafts`: corrections of a file that are under way, and those that were published
- `partners`: which profiles are in force
- `settled`: what somebody said of a day that files are expected on
- `entries`: how lines of files are written in short
"""

from duff_orders.documents.document import Document
from duff_orders.documents.drafts import Change, Corrections, Draft, Publication, Step
from duff_orders.documents.entries import Entry, each_line, entries, ranges, tied
from duff_orders.documents.events import ContentNote, Event, Held, Replacement
from duff_orders.documents.given_up import GivenUp, GiveUp
from duff_orders.documents.ledger_row import LEDGER_COLUMNS, NULLS, PUBLISHED, VERDICTS, LedgerRow, Verdict
from duff_orders.documents.partners import InForce, Partners
from duff_orders.documents.settled import Said, Settled, Settlement
from duff_orders.documents.stages import Decision, Dialect, Outcome, Route, Staged

__all__ = [
    "LEDGER_COLUMNS",
    "NULLS",
    "PUBLISHED",
    "VERDICTS",
    "Change",
    "ContentNote",
    "Corrections",
    "Decision",
    "Dialect",
    "Document",
    "Draft",
    "Entry",
    "Event",
    "GiveUp",
    "GivenUp",
    "Held",
    "InForce",
    "LedgerRow",
    "Outcome",
    "Partners",
    "Publication",
    "Replacement",
    "Route",
    "Said",
    "Settled",
    "Settlement",
    "Staged",
    "Step",
    "Verdict",
    "each_line",
    "entries",
    "ranges",
    "tied",
]
