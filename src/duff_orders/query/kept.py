"""Questions that a lake keeps: files with the head of a report, `processed/queries/NAME.sql`, so that each is one, too.

What stands in them comes from outside: it is checked whenever it is read, as any query is.
"""

import re

from duff_orders.contract import STAR
from duff_orders.errors import DamagedObject, InputError, QueryRefused
from duff_orders.lake import layout
from duff_orders.lake.documents import OnDamage
from duff_orders.lake.stores.base import Store
from duff_orders.query import reports
from duff_orders.query.guard.check import check
from duff_orders.query.reports import Report
from duff_orders.query.reports.declared import COLUMN, declared

#: Characters of a title and of a question, and questions that a lake keeps.
LONGEST_TITLE, LONGEST, MOST = 200, 20_000, 200
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_SUFFIX = ".sql"


def kept(store: Store, damaged: OnDamage | None = None) -> dict[str, Report]:
    """The questions that a lake keeps, by their names; of those that are none `damaged` is told."""
    found = {}
    for each in store.listed(layout.QUERIES):
        name = each.name.removeprefix(layout.QUERIES).removesuffix(_SUFFIX)
        try:
            report = question(store, name)
        except (DamagedObject, InputError) as error:
            if damaged is not None:
                damaged(error if isinstance(error, DamagedObject) else DamagedObject(each.name, error))
            continue
        if report is not None:
            found[name] = report
    return found


def question(store: Store, name: str) -> Report | None:
    """The question of a name; None where there is none. Raises DamagedObject where it is none that can be asked."""
    if not _NAME.fullmatch(name) or name in reports.names():
        return None
    stored = store.read(layout.query_object(name))
    if stored is None:
        return None
    try:
        report = declared(name, stored.data.decode())
        check(report.text())
    except (ValueError, QueryRefused) as error:
        raise DamagedObject(layout.query_object(name), error) from None
    return report


def find(store: Store, name: str) -> Report:
    """The report of a name, ours or one that the lake keeps. Raises InputError where there is none."""
    found = None if name in reports.names() else question(store, name)
    if found is None:
        try:
            return reports.report(name)
        except InputError:
            own = ", ".join((*reports.names(), *kept(store)))
            raise InputError(f"no report {name!r:.80}; reports: {own}") from None
    return found


def keep(store: Store, name: str, title: str, sql: str) -> Report:
    """Keep a question under a name, in the place of what was kept under it.

    Raises InputError for what is no name or title, QueryRefused for what is no question.
    """
    title = " ".join(title.split())
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r:.80} names no question: allowed are up to 63 of a-z, 0-9 and _, a letter first")
    if name in reports.names():
        raise InputError(f"{name} is a report already: take another name")
    if not 0 < len(title) <= LONGEST_TITLE or not title.isprintable():
        raise InputError(f"a title has 1 to {LONGEST_TITLE} characters; this one has {len(title)}")
    if len(sql) > LONGEST:
        raise InputError(f"a question has up to {LONGEST:,} characters; this one has {len(sql):,}")
    others = [each for each in store.listed(layout.QUERIES) if each.name != layout.query_object(name)]
    if len(others) >= MOST:
        raise InputError(f"{MOST} questions are kept already; remove one first")
    checked = check(sql)
    over = "star" if checked.tables <= {table.name for table in STAR} else "ledger"
    columns = [f"gives {column.name} {column.type}" for column in checked.columns]
    if wrong := next((line for line in columns if not COLUMN.fullmatch(line)), None):
        raise InputError(f"{wrong.removeprefix('gives ')}: name this column with letters, or cast it to a simple type")
    body = [line for line in sql.strip().rstrip(";").splitlines() if not line.startswith("--")]
    text = "\n".join((f"-- {title}", f"-- over {over}", *(f"-- {line}" for line in columns), *body, ""))
    declared(name, text)
    stored = store.read(layout.query_object(name))
    if not store.replace(layout.query_object(name), text.encode(), stored.token if stored else None):
        raise InputError(f"{name} is being kept by somebody else; try again")
    return declared(name, text)


def forget(store: Store, name: str) -> None:
    """Keep a question no more. Raises InputError where it is not kept."""
    if not _NAME.fullmatch(name) or not store.exists(layout.query_object(name)):
        raise InputError(f"no question {name!r:.80} is kept")
    store.delete(layout.query_object(name))
