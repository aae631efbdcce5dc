"""The shapes of answers, for the documents; tests check what the routes return against them."""

from collections.abc import Iterable
from dataclasses import fields
from datetime import date, datetime
from types import UnionType
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, create_model

from duff_orders.api.parameters import Status
from duff_orders.contract import COLUMN_NAMES, FILES
from duff_orders.documents import LedgerRow, Verdict
from duff_orders.query.statements import ADDED, FILE

Money = Annotated[str, Field(pattern=r"^-?\d+\.\d{4}$", examples=["15.0000"])]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-11-24T18:19:50.028731Z"])]
Day = Annotated[str, Field(json_schema_extra={"format": "date"}, examples=["2026-11-24"])]
Id = Annotated[int, Field(ge=0, lt=10**18)]
FileId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Cursor = Annotated[str | None, Field(description="of the next page; null on the last")]
Version = Annotated[str | None, Field(description="the build of the star schema that this shows")]


_OF_KIND: dict[str, Any] = {"integer": int, "number": Money, "text": str}


class Shape(BaseModel):
    """No field beside those that are named."""

    model_config = ConfigDict(extra="forbid")


#: The optional columns of the contract that order lines have.
_Added = create_model(  # type: ignore[call-overload] # names and types are the contract's
    "Added", __base__=Shape, **{column.name: (_OF_KIND[column.kind] | None, ...) for column in ADDED}
)


class OrderLine(_Added):  # type: ignore[misc, valid-type] # as above
    """One product of an order, in its latest state."""

    order_id: Id
    product_id: Id
    client_id: Id
    status: Status
    channel: str
    product_price: Money
    product_ccf: int
    total_price: Money
    total_volume: Money
    first_seen: Time
    last_seen: Time
    pa_date: Day


class OrderLines(Shape):
    """A page of order lines."""

    data: list[OrderLine]
    next_cursor: Cursor
    version: Version


class Order(Shape):
    """An order with its lines."""

    order_id: Id
    client_id: Id
    client_name: str | None
    total_price: Money
    statuses: dict[str, int]
    lines: list[OrderLine]


class Client(Shape):
    """A client in its latest state."""

    client_id: Id
    client_name: str | None
    first_seen: Time
    last_seen: Time


class Clients(Shape):
    """A page of clients."""

    data: list[Client]
    next_cursor: Cursor
    version: Version


class Product(Shape):
    """A product in its latest state."""

    product_id: Id
    product_description: str | None
    product_price: Money
    product_volume: Money
    first_seen: Time
    last_seen: Time


class Products(Shape):
    """All products."""

    data: list[Product]
    version: Version


class Channel(Shape):
    """A point of sale channel, by its name."""

    channel: str


class Channels(Shape):
    """All channels."""

    data: list[Channel]
    version: Version


class ReportParameter(Shape):
    """What may be given to a report."""

    name: str
    type: Literal["date", "integer", "text"]
    default: str
    about: str
    allowed: str


class Column(Shape):
    """A column, and its type as Athena spells it."""

    name: str
    type: str


class ReportTitle(Shape):
    """A ready-made question."""

    name: str
    title: str
    over: Annotated[Literal["star", "ledger"], Field(description="of what it is asked")]
    parameters: list[ReportParameter]
    columns: list[Column]


class ReportList(Shape):
    """The ready-made questions."""

    data: list[ReportTitle]


class ReportAnswer(Shape):
    """The answer to one of them."""

    name: str
    parameters: dict[str, str | int | None]
    columns: list[Column]
    data: list[dict[str, Any]]
    truncated: bool
    version: Version
    computed_at: Time


_OF_COLUMN: dict[Any, Any] = {datetime: Time, date: Day, tuple[str, ...]: list[str], Verdict: Verdict}


def _of_ledger(names: Iterable[str]) -> dict[str, Any]:
    """Fields of the ledger as those of a shape: their types, whether they may be null, and what they are."""
    shapes: dict[str, Any] = {}
    columns = {each.name: each.comment for each in FILES.all_fields}
    for each in fields(LedgerRow):
        if each.name in names:
            arms = get_args(each.type) if isinstance(each.type, UnionType) else (each.type,)
            kind = FileId if each.name == "file_id" else _OF_COLUMN.get(arms[0], arms[0])
            null = type(None) in arms
            shapes[each.name] = (Annotated[kind | None if null else kind, Field(description=columns[each.name])], ...)
    return shapes


_FileRow = create_model("_FileRow", __base__=Shape, **_of_ledger(FILE))


class FileRow(_FileRow):  # type: ignore[misc, valid-type] # made from the ledger's fields
    """A file's verdict: a row of the ledger."""


_FileDocument = create_model(
    "_FileDocument", __base__=FileRow, **_of_ledger({field.name for field in FILES.all_fields} - {*FILE})
)


class FileDocument(_FileDocument):  # type: ignore[misc, valid-type] # as above
    """A row of the ledger with all its parts."""


class ListedFile(FileRow):
    """A file of a list."""

    rows_open: Annotated[int, Field(description="neither corrected nor given up; with `open=true` alone")] = 0


class Files(Shape):
    """A page of the ledger, newest first."""

    data: list[ListedFile]
    next_cursor: Cursor


class Correcting(Shape):
    """A file whose rows take, or were to take, the place of another's."""

    file_id: FileId
    source_file: str
    event_time: Time
    lines: Annotated[str | None, Field(description="of the other file, as in 3,7-9; null: all of it")]


class GiveUp(Shape):
    """That somebody gave up rows, or took that back."""

    lines: Annotated[str | None, Field(description="as in 3,7-9; null: all of the file")]
    why: str
    at: Time
    undo: bool
    by: Annotated[str | None, Field(description="whose key was used")]


class CellChange(Shape):
    """A cell of a rejected row, or as `record` the whole text of one that could not be split, before and after."""

    line: int
    column: str
    before: str | None
    after: str | None


class Published(Shape):
    """Corrections that somebody made on the file's page, published as the raw object `key`."""

    key: str
    at: Time
    by: Annotated[str | None, Field(description="whose key was used")]
    changes: list[CellChange]


class Corrections(Shape):
    """What became of the rows that a file did not bring in: lost = open + corrected + given up.

    Lost are rejected rows, but those that were to correct others, and withheld ones. A file whose rows could not be
    counted is open with none.
    """

    file_id: FileId
    source_file: str
    verdict: Verdict
    open: bool
    rows_lost: int
    rows_open: int
    rows_corrected: int
    rows_given_up: int
    corrected_by: Annotated[list[Correcting], Field(description="files whose rows are published, oldest first")]
    tried_by: Annotated[list[Correcting], Field(description="files whose rows were rejected again, oldest first")]
    given_up: Annotated[list[GiveUp], Field(description="in its order: the later word counts")]
    published: Annotated[list[Published], Field(description="what was corrected on its page, oldest first")]


class Reason(Shape):
    """A column, and which of its rules was broken."""

    column: str
    code: str


class RejectedRow(Shape):
    """A rejected row: its original texts by column, or the whole text of what could not be split into columns."""

    reasons: list[Reason]
    fields: Annotated[dict[str, str | None] | None, Field(description=", ".join(COLUMN_NAMES))]
    record: str | None
    line: Annotated[int | None, Field(description="where it begins; the file's first line is 1")]
    corrects: Annotated[str | None, Field(description="FILE_ID:LINE of the rejected row whose place it was to take")]


class ReasonCount(Reason):
    """How many rows broke a rule."""

    rows: int


class RejectedRows(Shape):
    """A page of rejected rows; `summary` only where it is asked for."""

    data: list[RejectedRow]
    next_cursor: Cursor
    summary: list[ReasonCount] | None = None


class ProfileEntry(Shape):
    """A partner's profile, and which keys it is for."""

    name: str
    prefix: Annotated[str, Field(description="what the keys of the partner's files begin with")]
    since: Time


class Profiles(Shape):
    """The profiles that are in force."""

    data: list[ProfileEntry]


class ProfileDocument(ProfileEntry):
    """How a partner writes; null, and what is empty: as the contract has it."""

    max_reject_share: str | None
    required: list[str]
    delimiter: str | None
    ignored: Annotated[list[str], Field(description="further columns that are known")]
    refuses_others: bool
    decimal_mark: str | None
    thousands_mark: str | None
    headers: Annotated[dict[str, list[str]], Field(description="header names by column")]
    values: Annotated[dict[str, dict[str, str]], Field(description="by column what a word means")]
    defaults: Annotated[dict[str, str], Field(description="texts of columns that no header names")]
    text: Annotated[str | None, Field(description="the profile as it was written; null for who may not change it")]


class ExpectedDay(Shape):
    """A day on which a partner has promised files, and what came for it."""

    day: Annotated[Day, Field(description="in the partner's time zone")]
    due: Time
    late_from: Annotated[Time, Field(description="what came after it is late")]
    state: Literal["due", "on_time", "late", "missing", "missed"]
    needed: Annotated[int, Field(description="files that are expected")]
    files: Annotated[list[str], Field(description="the ids of the files that count, oldest first")]
    unusable: Annotated[list[str], Field(description="the ids of files that came and are invalid, or failed")]


class ExpectedOf(Shape):
    """The expected days of a partner."""

    name: str
    prefix: str
    zone: Annotated[str | None, Field(description="its time zone", examples=["Europe/Madrid"])]
    damaged: Annotated[str | None, Field(description="why its profile cannot be read, so that nothing can be told")]
    slots: list[ExpectedDay]


class Calendar(Shape):
    """What partners have promised, and what came, from a day to another, both included."""

    from_: Annotated[Day, Field(alias="from")]
    to: Day
    data: list[ExpectedOf]


class Promise(Shape):
    """What a partner has promised."""

    zone: Annotated[str, Field(examples=["Europe/Madrid"])]
    days: Annotated[list[str], Field(examples=[["mon", "tue"]])]
    by: Annotated[str, Field(description="when files are due, where the partner is", examples=["08:00"])]
    grace_minutes: int
    files: Annotated[int, Field(description="files of each day")]
    except_: Annotated[list[Day], Field(alias="except", description="days on which none is expected")]
    since: Day | None


class PartnerEntry(Shape):
    """A partner: what it has promised, its last four weeks, and what is open of its files, of all time."""

    name: str
    prefix: str
    promise: Annotated[Promise | None, Field(description="null: nothing")]
    damaged: Annotated[str | None, Field(description="why its profile cannot be read, so that nothing can be told")]
    today: Annotated[str | None, Field(description="the word of its newest expected day, as in `days`")]
    on_time: Annotated[int, Field(description="expected days whose files came in time")]
    late: int
    missed: Annotated[int, Field(description="days whose files did not come; missing ones count, too")]
    usual_arrival: Annotated[str | None, Field(description="where the partner is", examples=["08:05"])]
    latest_arrival: str | None
    rows_read: int
    rows_rejected: int
    files_open: int
    rows_open: int


class Partners(Shape):
    """All partners, in the order of their names."""

    data: list[PartnerEntry]


class UnusualMark(Shape):
    """That a day is beyond what is usual: rows are `fewer` or `more`, or `rejects` are. Shares are from 0 to 1."""

    what: Literal["fewer", "more", "rejects"]
    found: Annotated[str, Field(description="rows, or the share of rejected ones", examples=["12"])]
    bound: str
    middle: Annotated[str, Field(description="of the days before that are compared")]
    least: str
    most: str
    days: Annotated[int, Field(description="how many days are compared")]


class PartnerDay(ExpectedDay):
    """An expected day with the worst that is open of it."""

    word: Annotated[
        Literal["missing", "missed", "invalid", "failed", "rows", "fewer", "more", "rejects", "due", "late", "in"],
        Field(description="the worst that is open; `in`, `late` and `due`: nothing is"),
    ]
    arrived: Annotated[Time | None, Field(description="when the last file came that is needed")]
    rows_read: int
    rows_rejected: int
    rows_open: int
    unusual: list[UnusualMark]
    said_right: Annotated[bool, Field(description="whether somebody said that what is unusual is right")]


class PartnerDocument(PartnerEntry):
    """A partner with its expected days."""

    days: list[PartnerDay]


class ProvenFile(Shape):
    """A file on the proof of a day; one that did not come has no `file_id`."""

    partner: Annotated[str | None, Field(description="null: nobody's")]
    due: Time | None
    late: Annotated[bool, Field(description="it came late, or is missing")]
    file_id: str | None
    source_file: str | None
    came: Time | None
    content: Annotated[str | None, Field(description="of its unpacked bytes: 32 digits of SHA-256, and how many")]
    size: int | None
    verdict: str | None
    reason: str | None
    rows_read: int
    rows_published: int
    rows_duplicate: int
    rows_rejected: int
    rows_withheld: int
    corrected: int
    given_up: int
    open: int
    remarks: list[str]


class ProvenCorrection(Published):
    """Corrections of a file of the day."""

    source_file: str


class DayCheck(Shape):
    """Whether the day holds: every sum, and the bytes of `objects` compared with the digests of the ledger."""

    holds: bool
    faults: list[str]
    objects: int
    not_compared: int


class DayProof(Shape):
    """A day with all of its files."""

    date: Day
    expected: Annotated[int, Field(description="files that were promised")]
    came: Annotated[int, Field(description="of those")]
    late: int
    files: list[ProvenFile]
    totals: Annotated[dict[str, int], Field(description="the sums of all counts")]
    corrections: list[ProvenCorrection]
    check: DayCheck
    digest: str
    made: Time


class ProfileText(BaseModel):
    """A profile."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: Annotated[str, Field(min_length=1, max_length=65_536, examples=['prefix = "acme/"'], description="TOML")]


class TrialRequest(ProfileText):
    """A profile, and a file to try it on."""

    file_id: FileId
    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]{0,62}$")] = "partner"


class JudgedRecord(Shape):
    """A record as it would be read: by column its text, and its value, null where that is not good."""

    line: int
    texts: dict[str, str | None]
    values: dict[str, str | None]
    reasons: list[str]
    record: Annotated[str | None, Field(description="the whole text of what could not be split into columns")]


class Trial(Shape):
    """What would come of a file, or of its first records where it is not `whole`."""

    verdict: Verdict
    reason: str | None
    whole: bool
    rows_read: int
    rows_good: int
    rows_rejected: int
    columns: Annotated[dict[str, str], Field(description="headers by the column that they name")]
    standing: Annotated[dict[str, str], Field(description="values of columns that no header names")]
    further: Annotated[list[str], Field(description="headers that name no column and are not listed")]
    reasons: list[ReasonCount]
    first: list[JudgedRecord]


class FoundColumn(Shape):
    """A column of a file by its name there, different texts of it, and the column whose own name it has."""

    name: str
    texts: list[str]
    column: str | None


class Header(Shape):
    """A file's header as it stands."""

    line: int
    delimiter: str
    columns: list[FoundColumn]


class TakenUp(Shape):
    """That a file is processed again; `revision` is the one that its row will have at least."""

    file_id: FileId
    revision: int


class QueryRequest(BaseModel):
    """One read-only SELECT in Athena's dialect."""

    model_config = ConfigDict(extra="forbid", strict=True)

    sql: Annotated[str, Field(min_length=1, max_length=262_144, examples=["select count(*) as n from fact_orders"])]
    max_rows: Annotated[int, Field(ge=1, le=10_000)] = 1000


class QueryState(Shape):
    """The status of a query; with columns and rows once it succeeded in time."""

    id: str
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    reason: str | None = None
    problem: Annotated[str | None, Field(description="what kind of problem it failed for, as in `/problems/`")] = None
    rows: int | None = None
    truncated: bool | None = None
    bytes_scanned: int | None = None
    seconds: float | None = None
    columns: list[Column] | None = None
    data: list[dict[str, Any]] | None = None
    next_cursor: Cursor = None


class QueryRows(Shape):
    """A page of a query's rows."""

    columns: list[Column]
    data: list[dict[str, Any]]
    next_cursor: Cursor


class Health(Shape):
    """Whether this answers, and how fresh the lake is."""

    status: Annotated[
        Literal["ok", "degraded"], Field(description="degraded: `amiss` says what is missing from answers")
    ]
    amiss: Annotated[list[str], Field(description="a sentence for each thing that is left out or not done for now")]
    newest_file: Time | None
    newest_file_age_seconds: int | None
    version: Version


class ProblemDetail(BaseModel):
    """One thing that is wrong."""

    model_config = ConfigDict(populate_by_name=True)

    place: Annotated[str, Field(alias="in")]
    name: str
    found: str
    allowed: str


class ProblemDocument(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[ProblemDetail] | None = None
    request_id: str
