"""Fragments of DuckDB's SQL for Athena's functions; an invalid value raises an error by a cast that fails.

DuckDB's own `error` is not used: within `try` it is refused.
"""

import string

from duff_orders.query.guard.macros import Macros

#: Values of a sequence: https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
MAX_SEQUENCE = 10_000
#: Letters of a text that is filled up.
MAX_LENGTH = 10_000
_BYTES = string.ascii_letters + string.digits + "!#$%&*+-./:;<=>?@^_~"
# What Java takes for white space.
_BLANKS = (*range(9, 14), *range(28, 33), 0x1680, *range(0x2000, 0x2007), *range(0x2008, 0x200B), 0x2028, 0x2029)

#: Before what is no text of a type, so that it does not cast.
NO_VALUE = "no value: "

_NUMBERS = {
    # Of whole numbers, rounded half away from zero.
    "duff_quotient": "(a, b) as (a + sign(a) * (abs(b) // 2)) // b",
    "duff_average": "(total, n) as case when n > 0 then duff_quotient(total, n) end",
    "duff_share": "(x) as case when x between 0 and 1 then x else cast('a share of 0 to 1, not ' || x as double) end",
    "duff_unscaled": "(x) as cast(replace(cast(x as varchar), '.', '') as hugeint)",
    **{
        f"duff_{name}": f"(x) as case when x > 0 then {name}(x) when x is not null"
        " then cast(case when x = 0 then '-inf' else 'nan' end as double) end"
        for name in ("ln", "log2", "log10")
    },
    "duff_finite": "(x) as case when isfinite(x) then x end",
    "duff_sqrt": "(x) as case when x < 0 then cast('nan' as double) else sqrt(x) end",
    "duff_digits": "(n) as case when n >= -18 then n"
    " else cast('so many digits cannot be rounded: ' || n as integer) end",
    "duff_any_nan": "(list) as len(list_filter(list, lambda each: isnan(each))) > 0",
    "duff_nan": "(what) as cast(what || ' of NaN is not on offer' as double)",
    # In which of as many equal buckets between two bounds, which may stand in either order.
    "duff_bucket": "(x, low, high, n) as case when n <= 0 or low = high or not isfinite(low) or not isfinite(high)"
    " or isnan(x) then cast('width_bucket takes bounds that differ, and at least one bucket' as bigint)"
    " when low < high and x < low or low > high and x > low then 0"
    " when low < high and x >= high or low > high and x <= high then n + 1"
    " else cast(floor(n * (x - low) / (high - low)) as bigint) + 1 end",
    "duff_any_null": "(list) as len(list_filter(list, lambda each: each is null)) > 0",
}

_TEXTS = {
    # What is no text of the type becomes one that does not cast.
    "duff_text": "(t, value, pattern) as case when regexp_full_match(t, pattern) then trim(value)"
    f" else '{NO_VALUE}' || t end",
    # DuckDB counts bytes: each letter becomes one, by its place among those of both texts.
    "duff_letters": "(a, b) as array_to_string(duff_distinct(duff_letters_of(a || b)), '')",
    "duff_bytes": f"(t, letters) as case when length(letters) <= {len(_BYTES)}"
    f" then translate(t, letters, left('{_BYTES}', length(letters)))"
    " else cast(cast('more letters than are on offer here: ' || length(letters) as bigint) as varchar) end",
    "duff_plain": "(x) as regexp_replace(cast(x as varchar), '^(-?)[.]', '\\10.')",
    # DuckDB turns round what looks like one letter: a letter with the marks on it.
    "duff_letters_of": "(t) as regexp_extract_all(t, '(?s).')",
    "duff_reversed": "(t) as array_to_string(list_reverse(duff_letters_of(t)), '')",
    # Of a sharp s Java knows no capital, as DuckDB does.
    "duff_upper": "(t) as case when contains(t, 'ß')"
    " then array_to_string(list_transform(string_split(t, 'ß'), lambda each: upper(each)), 'ß') else upper(t) end",
    "duff_blanks": f"() as {' || '.join(f'chr({each})' for each in (*_BLANKS, 0x205F, 0x3000))}",
    "duff_length": f"(n) as cast(case when n between 0 and {MAX_LENGTH} then n"
    f" else cast('a length of 0 to {MAX_LENGTH}, not ' || n as bigint) end as integer)",
    # Trino counts from the end where the first is negative, and gives nothing beyond either end.
    "duff_substr": "(t, first) as case when first = 0 or abs(first) > length(t) then '' else substr(t, first) end",
    "duff_part": "(t, first, n) as case when first = 0 or abs(first) > length(t) or n <= 0 then ''"
    " else substr(t, case when first < 0 then length(t) + first + 1 else first end, n) end",
    "duff_some": "(t, what) as case when t = '' then cast(cast(what || ' is not to be empty' as bigint) as varchar)"
    " else t end",
    "duff_natural": "(n, what) as case when n >= 0 then n"
    " else cast(what || ' counts from 0, not ' || cast(n as varchar) as bigint) end",
    "duff_at": "(n, what) as case when n >= 1 then n"
    " else cast(what || ' counts from 1, not ' || cast(n as varchar) as bigint) end",
}

_TIMES = {
    # Microseconds of a time to fewer digits: halves go up, before 1970 too.
    "duff_rounded": "(t, unit) as make_timestamp(duff_floor(epoch_us(t) + unit // 2, unit))",
    "duff_floor": "(n, unit) as n - ((n % unit) + unit) % unit",
    "duff_milliseconds": "(t) as date_trunc('millisecond', t + to_microseconds(500))",
    "duff_days": "(ms) as case when ms % 86400000 = 0 then ms // 86400000"
    " else cast('a date has no hours: ' || cast(ms as varchar) as bigint) end",
    "duff_now": "() as duff_milliseconds(timezone('UTC', now()))",
    "duff_offset": "(there, utc) as cast((epoch_us(there) - epoch_us(utc)) // 60000000 as bigint)",
    "duff_zone_text": "(there, utc) as case when duff_offset(there, utc) < 0 then '-' else '+' end"
    " || lpad(cast(abs(duff_offset(there, utc)) // 60 as varchar), 2, '0') || ':'"
    " || lpad(cast(abs(duff_offset(there, utc)) % 60 as varchar), 2, '0')",
    "duff_days_text": "(ms) as case when ms < 0 then '-' else '' end || (abs(ms) // 86400000) || ' '"
    " || strftime(make_timestamp(abs(ms) % 86400000 * 1000), '%H:%M:%S.%g')",
    "duff_years_text": "(n) as case when n < 0 then '-' else '' end || (abs(n) // 12) || '-' || (abs(n) % 12)",
}

_ARRAYS = {
    "duff_has_null": "(list) as len(list) > list_count(list)",
    # The one truth decides; else null where there is one among them; else the other.
    "duff_matched": "(list, word, other) as case when list_contains(list, word) then word"
    " when duff_has_null(list) then null when list is not null then other end",
    "duff_slice": "(list, first, n) as case when n < 0 or first = 0 then list_slice(list, duff_at(0, 'slice'), 0)"
    " when first < -len(list) then list_slice(list, 1, 0)"
    " else list_slice(list, first, (case when first < 0 then len(list) + first + 1 else first end) + n - 1) end",
    "duff_split": "(t, d, n) as case when n < 1 or n > 2147483647 then [cast(duff_at(0, 'split') as varchar)]"
    " when len(string_split(t, d)) <= n then string_split(t, d)"
    " else list_append(list_slice(string_split(t, d), 1, n - 1),"
    " duff_joined(list_slice(string_split(t, d), n, len(string_split(t, d))), d)) end",
    "duff_element": "(list, n) as case when n = 0 then list[duff_at(n, 'element_at')] else list_extract(list, n) end",
    "duff_subscript": "(list, n) as case when n between 1 and len(list) then list_extract(list, n)"
    " else list[cast('an array of ' || len(list) || ' has no element ' || n as bigint)] end",
    "duff_joined": "(list, word) as case when list_count(list) = 0 then ''"
    " else list_reduce(list_filter(list, lambda each: each is not null), lambda a, b: a || word || b) end",
    # More are an error where they are asked for.
    "duff_count": f"(n) as case when n < {MAX_SEQUENCE} then 1"
    f" else cast('a sequence of more than {MAX_SEQUENCE}: ' || n as bigint) end",
    "duff_sequence": "(a, b, step) as case when (b > a and step <= 0) or (b < a and step >= 0) or step = 0"
    " then generate_series(a, b, cast('a sequence goes from its first to its last: ' || step as bigint))"
    " else generate_series(a, b, step * duff_count((b - a) // nullif(step, 0))) end",
    "duff_same": "(a, b) as case when len(a) <> len(b) then false"
    " when list_contains(list_transform(list_zip(a, b), lambda pair: pair[1] = pair[2]), false) then false"
    " when duff_has_null(a) or duff_has_null(b) then null when a is not null and b is not null then true end",
    # NaN is the last that counts, whichever end is asked for.
    **{
        f"duff_{name}": "(list) as case when duff_has_null(list) then null"
        f" else coalesce(list_{name}(list_filter(list, lambda each: not isnan(each))), list_{name}(list)) end"
        for name in ("min", "max")
    },
    "duff_distinct": "(list) as list_filter(list, lambda each, n: list_position(list, each) = n)",
    "duff_months_between": "(a, b, step) as list_transform(duff_sequence(0, case when a < b and step < 0 then 1"
    " when a > b and step > 0 then -1 else datesub('month', a, b) end, step),"
    " lambda n: a + to_months(cast(n as integer)))",
    "duff_moments": "(a, b, ms) as list_transform(duff_sequence(0, (epoch_us(b) - epoch_us(a)) // 1000, ms),"
    " lambda n: a + to_milliseconds(n))",
    "duff_days_between": "(a, b, step) as list_transform(duff_sequence(0, date_diff('day', a, b), step),"
    " lambda n: cast(a + to_days(cast(n as integer)) as date))",
}

PIECES = Macros({**_NUMBERS, **_TEXTS, **_TIMES, **_ARRAYS})
#: One of them, with the texts of its arguments.
piece = PIECES.call
