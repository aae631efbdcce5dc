"""Text.

https://trino.io/docs/current/functions/string.html
"""

MACROS = {
    # Trino counts from the end where the first is negative, and gives nothing beyond either end.
    "duff_substr": "(t, first) as case when first = 0 or abs(first) > length(t) then '' else substr(t, first) end",
    "duff_part": "(t, first, n) as case when first = 0 or abs(first) > length(t) or n <= 0 then ''"
    " else substr(t, case when first < 0 then length(t) + first + 1 else first end, n) end",
    "duff_at": "(n, what) as case when n >= 1 then n"
    " else cast(what || ' counts from 1, not ' || cast(n as varchar) as bigint) end",
}

TABLE = """
concat(varchar, varchar) -> varchar | {0} || {1}
concat(varchar, varchar, varchar) -> varchar | {0} || {1} || {2}
concat(varchar, varchar, varchar, varchar) -> varchar | {0} || {1} || {2} || {3}
length(varchar) -> bigint | length({0})
lower(varchar) -> varchar | lower({0})
upper(varchar) -> varchar | upper({0})
replace(varchar, varchar) -> varchar | replace({0}, {1}, '')
replace(varchar, varchar, varchar) -> varchar | replace({0}, {1}, {2})
reverse(varchar) -> varchar | reverse({0})
starts_with(varchar, varchar) -> boolean | starts_with({0}, {1})
strpos(varchar, varchar) -> bigint | strpos({0}, {1})
substr(varchar, bigint) -> varchar | duff_substr({0}, {1})
substr(varchar, bigint, bigint) -> varchar | duff_part({0}, {1}, {2})
split_part(varchar, varchar, bigint) -> varchar | string_split({0}, {1})[duff_at({2}, 'split_part')]
like(varchar, varchar) -> boolean | {0} like {1}
like(varchar, varchar, varchar) -> boolean | {0} like {1} escape {2}
join(varchar, varchar) -> varchar | {0} || {1}
"""

#: Other names of the same functions.
ALIASES = {"substring": "substr"}
