"""Arrays; `subscript` is what brackets ask for.

https://trino.io/docs/current/functions/array.html
"""

#: Of arrays of real and double: NaN is equal to nothing, and the last that counts.
_FLOATING = "\n".join(
    f"""
contains(array({kind}), {kind}) -> boolean | case when isnan({{1}}) is null then null
  when list_contains({{0}}, {{1}}) and not isnan({{1}}) then true when duff_has_null({{0}}) then null else false end
array_position(array({kind}), {kind}) -> bigint | case when isnan({{1}}) then 0
  when {{1}} is not null then coalesce(list_position({{0}}, {{1}}), case when {{0}} is not null then 0 end) end
array_remove(array({kind}), {kind}) -> array({kind})
  | case when {{1}} is not null then list_filter({{0}}, lambda each: each is distinct from {{1}} or isnan(each)) end
array_distinct(array({kind})) -> array({kind}) | duff_distinct({{0}})
array_max(array({kind})) -> {kind} | duff_max({{0}})
array_min(array({kind})) -> {kind} | duff_min({{0}})
"""
    for kind in ("double", "real")
)

TABLE = (
    """
cardinality(array(T)) -> bigint | len({0})
element_at(array(T), bigint) -> T | duff_element({0}, {1})
subscript(array(T), bigint) -> T | duff_subscript({0}, {1})
contains(array(S), S) -> boolean
  | case when list_contains({0}, {1}) then true when duff_has_null({0}) then null else list_contains({0}, {1}) end
joined(array(varchar), varchar) -> varchar | duff_joined({0}, {1})
joined(array(varchar), varchar, varchar) -> varchar
  | duff_joined(list_transform({0}, lambda each: coalesce(each, {2})), {1})
flatten(array(array(T))) -> array(T) | flatten({0})
array_distinct(array(S)) -> array(S) | duff_distinct({0})
array_position(array(S), S) -> bigint
  | case when {1} is not null then coalesce(list_position({0}, {1}), case when {0} is not null then 0 end) end
array_remove(array(S), S) -> array(S)
  | case when {1} is not null then list_filter({0}, lambda each: each is distinct from {1}) end
slice(array(T), bigint, bigint) -> array(T) | duff_slice({0}, {1}, {2})
repeat(T, bigint) -> array(T) | list_transform(generate_series(1, duff_length({1})), lambda n: {0})
split(varchar(n), varchar, bigint) -> array(varchar(n)) | duff_split({0}, duff_some({1}, 'a delimiter'), {2})
array_max(array(S)) -> S | case when duff_has_null({0}) then null else list_max({0}) end
array_min(array(S)) -> S | case when duff_has_null({0}) then null else list_min({0}) end
array_sort(array(S)) -> array(S) | list_sort({0}, 'ASC', 'NULLS LAST')
reverse(array(T)) -> array(T) | list_reverse({0})
concat(array(T), array(T)...) -> array(T) | {* || }
join(array(T), array(T)) -> array(T) | {0} || {1}
join(array(T), T) -> array(T) | list_append({0}, {1})
join(T, array(T)) -> array(T) | list_prepend({0}, {1})
equal(array(S), array(S)) -> boolean | duff_same({0}, {1})
differs(array(S), array(S)) -> boolean | not duff_same({0}, {1})
arrays_overlap(array(S), array(S)) -> boolean | case when list_has_any({0}, {1}) then true
  when duff_has_null({0}) and len({1}) > 0 or duff_has_null({1}) and len({0}) > 0 then null
  when {0} is not null and {1} is not null then false end
array_union(array(S), array(S)) -> array(S) | duff_distinct({0} || {1})
array_except(array(S), array(S)) -> array(S)
  | case when {1} is not null then list_filter(duff_distinct({0}), lambda each: list_position({1}, each) is null) end
array_intersect(array(S), array(S)) -> array(S) | case when len({0}) >= len({1})
  then list_filter(duff_distinct({0}), lambda each: list_position({1}, each) is not null)
  else list_filter(duff_distinct({1}), lambda each: list_position({0}, each) is not null) end
split(varchar(n), varchar) -> array(varchar(n)) | string_split({0}, duff_some({1}, 'a delimiter'))
sequence(bigint, bigint) -> array(bigint) | duff_sequence({0}, {1}, case when {0} <= {1} then 1 else -1 end)
sequence(bigint, bigint, bigint) -> array(bigint) | duff_sequence({0}, {1}, {2})
sequence(date, date, interval year to month) -> array(date) | list_transform(duff_months_between({0}, {1}, {2}),
  lambda each: cast(each as date))
sequence(timestamp(n), timestamp(n), interval day to second) -> array(timestamp(n)) | duff_moments({0}, {1}, {2})
sequence(timestamp(n), timestamp(n), interval year to month) -> array(timestamp(n)) | duff_months_between({0}, {1}, {2})
sequence(date, date) -> array(date) | duff_days_between({0}, {1}, case when {0} <= {1} then 1 else -1 end)
sequence(date, date, interval day to second) -> array(date) | duff_days_between({0}, {1}, duff_days({2}))
"""
    + _FLOATING
)

ALIASES: dict[str, str] = {}
