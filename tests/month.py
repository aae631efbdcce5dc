"""A month of four partners, until now: a day that is missing, a late file, a tenth of the volume, a wrong header,
rows to be corrected, and a file that is invalid. What stands on each day is known, so that pages can be held to it.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from duff_orders.contract import COLUMN_NAMES
from duff_orders.lake import partners
from duff_orders.lake.lake import Lake
from tests.lakes import ingest

#: Days back from today on which something is not as it should be.
MISSED, LATE, TENTH, HEADER, INVALID, ROWS = 10, 8, 6, 5, 4, 3
DAYS, ROWS_A_DAY = 28, 40
NAMES = ("acme", "kwik-e-mart", "moe", "stadium")


def zone_at_noon(now: datetime) -> str:
    """A zone in which it is about one in the afternoon: whenever a test runs, a day is half over there."""
    offset = (13 - now.hour + 11) % 24 - 11
    return f"Etc/GMT{-offset:+d}" if offset else "Etc/GMT"


def make_month(lake: Lake, now: datetime) -> str:
    """Fill a lake; the zone of its partners. Files come at five to eight there, and are due at eight, moe's at noon.

    Today the file of stadium has time until the evening, and that of moe has not come.
    """
    zone = zone_at_noon(now)
    here = now.astimezone(ZoneInfo(zone)).date()
    since = here - timedelta(days=DAYS - 1)
    for name, by in zip(NAMES, ("08:00", "08:00", "12:00", "20:00"), strict=True):
        expect = (
            f'zone = "{zone}"\nby = "{by}"\ngrace_minutes = 30\nsince = "{since}"\n'
            f'days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]\n'
        )
        mail = f'[notify]\nemail = "edi@{name}.example"\n'
        partners.put(
            lake.store, name, f'prefix = "{name}/"\n{mail}[expect]\n{expect}', datetime(2026, 1, 1, tzinfo=UTC)
        )
    for back in reversed(range(DAYS)):
        day = here - timedelta(days=back)
        for name in NAMES:
            for key, text, when in _files(name, day, back, zone):
                ingest(lake, key, text.encode(), when)
    return zone


def _files(name: str, day: date, back: int, zone: str) -> Iterator[tuple[str, str, datetime]]:
    """The files of a partner's day: key, text, and when it comes."""
    came = datetime.combine(day, time(7, 55), ZoneInfo(zone)).astimezone(UTC)
    rows, wrong, header = ROWS_A_DAY, 0, ",".join(COLUMN_NAMES)
    if name == "moe":
        if back in (0, MISSED):
            return
        if back == LATE:
            came += timedelta(hours=8)
        if back == TENTH:
            rows = ROWS_A_DAY // 10
        if back == ROWS:
            wrong = 10
    if name == "stadium" and back == 0:
        return
    if name == "kwik-e-mart" and back == HEADER:
        header = header.replace("product_price", "precio")
    if name == "acme" and back == INVALID:
        wrong = rows - 5
    lines = [_line(name, day, number, wrong=number < wrong) for number in range(rows)]
    yield f"{name}/orders-{day}.csv", "\n".join((header, *lines, "")), came


def _line(name: str, day: date, number: int, *, wrong: bool) -> str:
    order = int(f"{NAMES.index(name) + 1}{day:%m%d}{number:03d}")
    client = "C-1001" if wrong else str(1000 + number % 7)
    product = f"{101 + number % 5},Duff {number % 5},2.50,{1 + number % 9},0.33"
    return f"{client},{name} {number % 7},{order},{product},Retail,created"
