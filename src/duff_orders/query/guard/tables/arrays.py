"""Arrays; `subscript` is what brackets ask for.

https://trino.io/docs/current/functions/array.html
"""

MACROS = {
    "duff_has_null": "(list) as len(list) > list_count(list)",
    "duff_element": "(list, n) as case when n = 0 then list[duff_at(n, 'element_at')] else list_extract(list, n) end",
    "duff_subscript": "(list, n) as case when n between 1 and len(list) then list_extract(list, n)"
    " else list[cast('an array of ' || len(list) || ' has no element ' || n as bigint)] end",
    "duff_joined": "(list, word) as case when list_count(list) = 0 then ''"
    " else list_reduce(list_filter(list, lambda each: each is not null), lambda a, b: a || word || b) end",
    # As many as Athena allows; more are an error where they are asked for.
    "duff_count": "(n) as case when n < 10000 then 1 else cast('a sequence of more than 10000: ' || n as bigint) end",
    "duff_sequence": "(a, b, step) as case when (b > a and step < 0) or (b < a and step > 0) or step = 0"
    " then generate_series(a, b, cast('a sequence goes from its first to its last: ' || step as bigint))"
    " else generate_series(a, b, step * duff_count((b - a) // step)) end",
    "duff_days_between": "(a, b, step) as list_transform(duff_sequence(0, date_diff('day', a, b), step),"
    " lambda n: cast(a + to_days(cast(n as integer)) as date))",
}

TABLE = """
cardinality(array(T)) -> bigint | len({0})
element_at(array(T), bigint) -> T | duff_element({0}, {1})
subscript(array(T), bigint) -> T | duff_subscript({0}, {1})
contains(array(S), S) -> boolean
  | case when list_contains({0}, {1}) then true when duff_has_null({0}) then null else list_contains({0}, {1}) end
array_join(array(varchar), varchar) -> varchar | duff_joined({0}, {1})
array_join(array(bigint), varchar) -> varchar | duff_joined({0}, {1})
array_max(array(S)) -> S | case when duff_has_null({0}) then null else list_max({0}) end
array_min(array(S)) -> S | case when duff_has_null({0}) then null else list_min({0}) end
array_sort(array(S)) -> array(S) | list_sort({0}, 'ASC', 'NULLS LAST')
reverse(array(T)) -> array(T) | list_reverse({0})
concat(array(T), array(T)) -> array(T) | list_concat({0}, {1})
split(varchar, varchar) -> array(varchar) | string_split({0}, {1})
sequence(bigint, bigint) -> array(bigint) | duff_sequence({0}, {1}, case when {0} <= {1} then 1 else -1 end)
sequence(bigint, bigint, bigint) -> array(bigint) | duff_sequence({0}, {1}, {2})
sequence(date, date) -> array(date) | duff_days_between({0}, {1}, case when {0} <= {1} then 1 else -1 end)
sequence(date, date, interval day to second) -> array(date) | duff_days_between({0}, {1}, duff_days({2}))
"""

ALIASES: dict[str, str] = {}
