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
trim(varchar) -> varchar | trim({0}, ' ')
ltrim(varchar) -> varchar | ltrim({0}, ' ')
rtrim(varchar) -> varchar | rtrim({0}, ' ')
trim(varchar, varchar) -> varchar | trim({0}, {1})
ltrim(varchar, varchar) -> varchar | ltrim({0}, {1})
rtrim(varchar, varchar) -> varchar | rtrim({0}, {1})
lpad(varchar, bigint, varchar) -> varchar | lpad({0}, duff_length({1}), {2})
rpad(varchar, bigint, varchar) -> varchar | rpad({0}, duff_length({1}), {2})
concat_ws(varchar, varchar...) -> varchar | concat_ws({*})
chr(bigint) -> varchar | chr(cast({0} as integer))
codepoint(varchar) -> integer | case when length({0}) = 1 then ord({0}) else duff_at(0, 'codepoint') end
translate(varchar, varchar, varchar) -> varchar | translate({0}, {1}, {2})
"""

MACROS["duff_length"] = (
    "(n) as cast(case when n between 0 and 10000 then n else cast('a length of 0 to 10000, not ' || n as bigint) end"
    " as integer)"
)

#: Other names of the same functions.
ALIASES = {"substring": "substr"}
