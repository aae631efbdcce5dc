"""The API's queries, as SQL that Athena and DuckDB both read: values are `?`, never part of the text."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from duff_orders.contract import COLUMN_NAMES, CONTRACT, FILES, MONEY
from duff_orders.lake.partners import Under

Parameters = list[int | str]
Statement = tuple[str, Parameters]

#: Optional columns of the contract that order lines have.
ADDED = tuple(column for column in CONTRACT.optional if column.fact)
#: Order lines with what their ids stand for.
LINES = f"""(
    select
        f.order_id, f.product_id, f.client_id, s.status, n.point_of_sale_channel as channel,
        f.product_price, f.product_ccf, f.total_price, f.total_volume, f.first_seen, f.last_seen, f.pa_date{
    "".join(f", f.{column.name}" for column in ADDED)
}
    from fact_orders f
    join dim_status s on s.status_id = f.status_id
    join dim_channels n on n.channel_id = f.channel_id
)"""
LINE = ", ".join(
    (
        *("order_id", "product_id", "client_id", "status", "channel", "product_price", "product_ccf"),
        *("total_price", "total_volume", "first_seen", "last_seen", "pa_date", *(column.name for column in ADDED)),
    )
)
CLIENT = "client_id, client_name, first_seen, last_seen"
PRODUCT = "product_id, product_description, product_price, product_volume, first_seen, last_seen"
#: Fields of the ledger that a list shows: all without parts, and remarks; the others stand in the file's own document.
FILE = tuple(field.name for field in FILES.all_fields if "<" not in field.type or field.name == "remarks")
#: What it says of other files whose rows a file corrects.
CORRECTING = ("corrects", "attempts")
#: What stands between remarks where they are one text.
BETWEEN_REMARKS = ";"
#: A file's outcome without what it says of columns and objects, with lists as one text.
_OUTCOME = ", ".join(
    (
        *(name for name in FILE if name != "remarks"),
        *(f"array_join({name}, '{BETWEEN_REMARKS}') as {name}" for name in ("remarks", *CORRECTING)),
    )
)
#: How a value of a sort key is bound.
_TYPES = {"pa_date": "date", "total_price": MONEY}
#: The orders of a list of lines, by name: the column, and whether it falls.
SORTS = {f"{sign}{name}": (name, sign == "-") for name in ("pa_date", "order_id", "total_price") for sign in ("-", "")}


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFilter:
    """Which order lines: those for which all of what is given holds.

    Of `client_ids` and `product_ids` any will do; of none of them no line has any.
    """

    order_id: int | None = None
    client_id: int | None = None
    product_id: int | None = None
    client_ids: tuple[int, ...] | None = None
    product_ids: tuple[int, ...] | None = None
    status: str | None = None
    channel: str | None = None
    pa_date_from: date | None = None
    pa_date_to: date | None = None
    min_total: Decimal | None = None

    def conditions(self) -> tuple[list[str], Parameters]:
        """The conditions, and the values of their `?`."""
        pairs: list[tuple[str, int | str | None]] = [
            ("order_id = ?", self.order_id),
            ("client_id = ?", self.client_id),
            ("product_id = ?", self.product_id),
            ("status = ?", self.status),
            ("channel = ?", self.channel),
            ("pa_date >= cast(? as date)", _text(self.pa_date_from)),
            ("pa_date <= cast(? as date)", _text(self.pa_date_to)),
            (f"total_price >= cast(? as {MONEY})", _text(self.min_total)),
        ]
        applied = [(condition, value) for condition, value in pairs if value is not None]
        conditions, parameters = [condition for condition, _ in applied], Parameters(value for _, value in applied)
        for column, ids in (("client_id", self.client_ids), ("product_id", self.product_ids)):
            if ids is not None:
                conditions.append(f"{column} in ({', '.join('?' * len(ids))})" if ids else "1 = 0")
                parameters += ids
        return conditions, parameters


def _text(value: date | Decimal | None) -> str | None:
    if value is None:
        return None
    return f"{value:f}" if isinstance(value, Decimal) else value.isoformat()


def lines(relation: str, wanted: LineFilter, sort: str, after: list[Any] | None, limit: int) -> Statement:
    """A page of order lines and one more; `after` holds the sort key, order and product of the last one seen."""
    column, falls = SORTS[sort]
    conditions, parameters = wanted.conditions()
    beyond = "<" if falls else ">"
    if after is not None:
        key, order, product = after
        if column == "order_id":
            conditions.append(f"(order_id {beyond} ? or order_id = ? and product_id > ?)")
            parameters += [order, order, product]
        else:
            bound = f"cast(? as {_TYPES[column]})"
            conditions.append(
                f"({column} {beyond} {bound} or {column} = {bound}"
                " and (order_id > ? or order_id = ? and product_id > ?))"
            )
            parameters += [key, key, order, order, product]
    where = f" where {' and '.join(conditions)}" if conditions else ""
    keys = "" if column == "order_id" else "order_id, "
    return (
        f"select {LINE} from {relation} as lines{where}"
        f" order by {column}{' desc' if falls else ''}, {keys}product_id limit {limit + 1}",
        parameters,
    )


def counted(relation: str, wanted: LineFilter) -> Statement:
    """How many order lines there are, and of how many orders."""
    conditions, parameters = wanted.conditions()
    where = f" where {' and '.join(conditions)}" if conditions else ""
    return f"select count(*) as order_lines from {relation} as lines{where}", parameters


def named(table: str, key: str, name: str, ids: Sequence[int]) -> Statement:
    """The names that a dimension gives some ids."""
    return f"select {key}, {name} from {table} where {key} in ({', '.join('?' * len(ids))})", [*ids]


def called(table: str, key: str, name: str, text: str, limit: int) -> Statement:
    """The ids of a dimension whose name holds a text, in any case, and one more than so many."""
    return (
        f"select {key} from {table} where strpos(lower({name}), lower(?)) > 0 order by {key} limit {limit + 1}",
        [text],
    )


def lines_of_order(relation: str, order_id: int) -> Statement:
    """The lines of an order."""
    return f"select {LINE} from {relation} as lines where order_id = ? order by product_id", [order_id]


def order(relation: str, order_id: int) -> Statement:
    """The lines of an order, with their client's name."""
    listed = ", ".join(f"lines.{name}" for name in LINE.split(", "))
    return (
        f"select {listed}, c.client_name from {relation} as lines"
        " left join dim_clients c on c.client_id = lines.client_id where lines.order_id = ? order by lines.product_id",
        [order_id],
    )


def last_files(order_id: int) -> Statement:
    """The file that gave each line of an order its latest state."""
    return "select product_id, file_id from fact_orders where order_id = ?", [order_id]


def said_of_order(order_id: int, days: tuple[date, date] | None = None) -> Statement:
    """The records of an order, oldest first, of all days or of some."""
    condition, parameters = "order_id = ?", [order_id]
    if days is not None:
        condition += " and pa_date between cast(? as date) and cast(? as date)"
    return (
        "select file_id, product_id, status, product_ccf, total_price from tbl_duff_orders"
        f" where {condition} order by ingested_at, file_id, product_id",
        [*parameters, *(day.isoformat() for day in days or ())],
    )


def clients(name: str | None, after: int | None, limit: int) -> Statement:
    """A page of clients and one more, by `client_id`; with `name`, those whose name begins so."""
    conditions: list[tuple[str, int | str | None]] = [("starts_with(client_name, ?)", name), ("client_id > ?", after)]
    applied = [(condition, value) for condition, value in conditions if value is not None]
    where = f" where {' and '.join(condition for condition, _ in applied)}" if applied else ""
    return f"select {CLIENT} from dim_clients{where} order by client_id limit {limit + 1}", [v for _, v in applied]


def client(client_id: int) -> Statement:
    """One client."""
    return f"select {CLIENT} from dim_clients where client_id = ?", [client_id]


def products() -> Statement:
    """All products."""
    return f"select {PRODUCT} from dim_products order by product_id", []


def channels() -> Statement:
    """All channels: their names are their keys."""
    return "select point_of_sale_channel as channel from dim_channels order by point_of_sale_channel", []


def files(
    days: tuple[str, str], verdict: str | None, partner: Under | None, after: list[Any] | None, limit: int
) -> Statement:
    """A page of the ledger of some days, from one to another, and one more, newest first; of a `partner` its files.

    `after` holds the last one's time and id. Remarks are one text, BETWEEN_REMARKS between them.
    """
    conditions, parameters = ["pa_date between cast(? as date) and cast(? as date)"], Parameters(days)
    if verdict is not None:
        conditions.append("verdict = ?")
        parameters.append(verdict)
    if partner is not None:
        without = " and not starts_with(source_file, ?)" * len(partner.without)
        conditions.append(f"(profile = ? or starts_with(source_file, ?){without})")
        parameters += [partner.name, partner.prefix, *partner.without]
    if after is not None:
        when = str(after[0]).replace("T", " ").rstrip("Z")
        conditions.append("(event_time < cast(? as timestamp) or event_time = cast(? as timestamp) and file_id < ?)")
        parameters += [when, when, str(after[1])]
    remarks = f"array_join(remarks, '{BETWEEN_REMARKS}') as remarks"
    listed = ", ".join(remarks if name == "remarks" else name for name in FILE)
    where = " and ".join(conditions)
    return (
        f"select {listed} from tbl_duff_files where {where} order by event_time desc, file_id desc limit {limit + 1}",
        parameters,
    )


def standing() -> Statement:
    """What the ledger says of files that did not bring in all their rows, or correct others; lists as `_OUTCOME`."""
    return (
        f"select {_OUTCOME} from tbl_duff_files where verdict in ('valid_with_rejects', 'invalid', 'failed')"
        " or corrects is not null",
        [],
    )


def came(days: tuple[str, str]) -> Statement:
    """What the ledger says of all files of some days, from one to another; lists as `_OUTCOME`."""
    return (
        f"select {_OUTCOME} from tbl_duff_files where pa_date between cast(? as date) and cast(? as date)",
        [*days],
    )


def rejects(file_id: str, pa_date: date, reason: str | None, after: int, limit: int) -> Statement:
    """A page of a file's rejected rows and one more, in its order, numbered; with `reason` (COLUMN:CODE) of those."""
    texts = ", ".join(COLUMN_NAMES)
    conditions, parameters = ["file_id = ?", "pa_date = cast(? as date)"], Parameters()
    parameters += [file_id, pa_date.isoformat()]
    if reason is not None:
        # a reason among others: between separators
        conditions.append("strpos(concat(';', reasons, ';'), concat(';', ?, ';')) > 0")
        parameters.append(reason)
    return (
        f"select {texts}, reasons, record, line, corrects, position"
        f" from (select {texts}, reasons, record, line, corrects,"
        f" row_number() over (order by line, reasons, record, {texts}) as position"
        f" from tbl_duff_rejected_rows where {' and '.join(conditions)}) as numbered"
        f" where position > ? order by position limit {limit + 1}",
        [*parameters, after],
    )


def rejected_lines(file_id: str, pa_date: date) -> Statement:
    """The lines of a file's rejected rows, but of those that were to correct others."""
    return (
        "select line from tbl_duff_rejected_rows where file_id = ? and pa_date = cast(? as date) and line is not null"
        " and (corrects is null or strpos(corrects, ':') = 0)",
        [file_id, pa_date.isoformat()],
    )


def rejected_at(file_id: str, pa_date: date, lines: Sequence[int]) -> Statement:
    """The original texts of those rejected rows of a file that begin on some lines."""
    return (
        f"select line, {', '.join(COLUMN_NAMES)} from tbl_duff_rejected_rows where file_id = ?"
        f" and pa_date = cast(? as date) and line in ({', '.join('?' * len(lines))})",
        [file_id, pa_date.isoformat(), *lines],
    )


def reasons(file_id: str, pa_date: date) -> Statement:
    """The combinations of reasons among a file's rejected rows, and how many rows have each."""
    return (
        "select reasons, count(*) as n from tbl_duff_rejected_rows where file_id = ? and pa_date = cast(? as date)"
        " group by reasons",
        [file_id, pa_date.isoformat()],
    )
