"""Asking a partner: the reader's own mail program is opened with a text; nothing is sent from here."""

from urllib.parse import quote

from duff_orders.console.texts import Words, place
from duff_orders.partners.days import PartnerDays
from duff_orders.partners.work import Item
from duff_orders.profiles.profile import Expected


def by(expected: Expected) -> str:
    """By when files are due, where the partner is."""
    return f"{expected.by:%H:%M} ({place(expected.zone)})"


def mail(t: Words, of: PartnerDays, item: Item, why: str, *, with_address: bool) -> str:
    """An address that opens a mail about something open; to nobody where the reader may not see whom."""
    day = t.long_day(item.date)
    row = item.standing.row if item.standing else None
    name = row.source_file.rpartition("/")[2] if row else ""
    if item.kind == "missing":
        due = by(of.promised.expected) if of.promised.expected else ""
        subject, body = t("ask_subject_missing", day=day), t("ask_missing", day=day, by=due)
    elif item.kind == "unusual":
        rows = item.day.amount.rows if item.day is not None else 0
        subject, body = t("ask_subject_unusual", day=day), t("ask_unusual", day=day, rows=rows, why=why)
    else:
        subject, body = t("ask_subject_invalid", day=day, file=name), t("ask_invalid", file=name, reason=why)
    to = quote(of.email or "", safe="@") if with_address else ""
    return f"mailto:{to}?subject={quote(subject)}&body={quote(body)}"
