"""Dates and times, where the rule fits on one line; for the others see `special.dates`.

https://trino.io/docs/current/functions/datetime.html
"""

#: Instants are compared whatever their zones; a time without one is in UTC, the zone of Athena's sessions.
_COMPARED = "\n".join(
    f"{name}({left}, {right}) -> boolean | {{0}} {sign} {{1}}"
    for name, sign in (("equal", "="), ("differs", "<>"), ("less", "<"), ("at_most", "<="))
    for left, right in (
        ("timestamptz(n,z)", "timestamptz(m,y)"),
        ("timestamp(n)", "timestamptz(m,y)"),
        ("timestamptz(n,z)", "timestamp(m)"),
    )
)
_PARTS = {
    **{name: name for name in ("year", "quarter", "month", "week", "day")},
    "day_of_week": "isodow",
    "day_of_year": "dayofyear",
    "year_of_week": "isoyear",
}

TABLE = (
    _COMPARED
    + "\n"
    + "\n".join(
        f"{name}({kind}) -> bigint | {to}({{{place}}})"
        for name, to in _PARTS.items()
        for kind, place in (("date", "0"), ("timestamp(n)", "0"), ("timestamptz(n,z)", "local 0"))
    )
    + """
hour(timestamp(n)) -> bigint | hour({0})
minute(timestamp(n)) -> bigint | minute({0})
second(timestamp(n)) -> bigint | second({0})
millisecond(timestamp(n)) -> bigint | millisecond({0}) % 1000
hour(timestamptz(n,z)) -> bigint | hour({local 0})
minute(timestamptz(n,z)) -> bigint | minute({local 0})
second(timestamptz(n,z)) -> bigint | second({0})
millisecond(timestamptz(n,z)) -> bigint | millisecond({0}) % 1000
date(timestamptz(n,z)) -> date | {local 0}
last_day_of_month(timestamptz(n,z)) -> date | last_day({local 0})
to_unixtime(timestamptz(n,z)) -> double | epoch_us({0}) / 1e6
subtract(date, date) -> interval day to second | cast(date_diff('day', {1}, {0}) as bigint) * 86400000
subtract(timestamp(n), timestamp(m)) -> interval day to second
  | duff_quotient(epoch_us({0}) - epoch_us({1}), 1000)
subtract(timestamptz(n,z), timestamptz(m,y)) -> interval day to second
  | duff_quotient(epoch_us({0}) - epoch_us({1}), 1000)
to_milliseconds(interval day to second) -> bigint | {0}
timezone_hour(timestamptz(n,z)) -> bigint | duff_offset({local 0}, {0}) // 60
timezone_minute(timestamptz(n,z)) -> bigint | duff_offset({local 0}, {0}) % 60
add(interval day to second, interval day to second) -> interval day to second | {0} + {1}
subtract(interval day to second, interval day to second) -> interval day to second | {0} - {1}
negate(interval day to second) -> interval day to second | -{0}
multiply(interval day to second, bigint) -> interval day to second | {0} * {1}
multiply(bigint, interval day to second) -> interval day to second | {0} * {1}
add(interval year to month, interval year to month) -> interval year to month | {0} + {1}
subtract(interval year to month, interval year to month) -> interval year to month | {0} - {1}
negate(interval year to month) -> interval year to month | -{0}
multiply(interval year to month, bigint) -> interval year to month | {0} * {1}
multiply(bigint, interval year to month) -> interval year to month | {0} * {1}
day(interval day to second) -> bigint | {0} // 86400000
hour(interval day to second) -> bigint | {0} % 86400000 // 3600000
minute(interval day to second) -> bigint | {0} % 3600000 // 60000
second(interval day to second) -> bigint | {0} % 60000 // 1000
millisecond(interval day to second) -> bigint | {0} % 1000
year(interval year to month) -> bigint | {0} // 12
month(interval year to month) -> bigint | {0} % 12
current_timezone() -> varchar | 'UTC'
now() -> timestamptz(3,UTC) | duff_now()
from_unixtime(double) -> timestamptz(3,UTC) | make_timestamp(cast(floor({0} * 1000 + 0.5) as bigint) * 1000)
date(date) -> date | {0}
date(timestamp(n)) -> date | {0}
last_day_of_month(date) -> date | last_day({0})
last_day_of_month(timestamp(n)) -> date | last_day({0})
to_unixtime(timestamp(n)) -> double | epoch_us({0}) / 1e6
current_date() -> date | duff_now()
localtimestamp() -> timestamp(3) | duff_now()
"""
)

#: Other names of the same functions.
ALIASES = {
    "day_of_month": "day",
    "dow": "day_of_week",
    "doy": "day_of_year",
    "week_of_year": "week",
    "current_timestamp": "now",
    "yow": "year_of_week",
}
