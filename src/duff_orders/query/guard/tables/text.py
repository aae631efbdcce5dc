"""Text.

https://trino.io/docs/current/functions/string.html
"""

TABLE = """
concat(varchar, varchar...) -> varchar | {* || }
length(varchar) -> bigint | length({0})
lower(varchar(n)) -> varchar(n) | lower({0})
upper(varchar(n)) -> varchar(n) | duff_upper({0})
replace(varchar(n), varchar) -> varchar(n) | replace({0}, {1}, '')
replace(varchar, varchar, varchar) -> varchar | replace({0}, duff_some({1}, 'what is replaced'), {2})
reverse(varchar(n)) -> varchar(n) | duff_reversed({0})
starts_with(varchar, varchar) -> boolean | starts_with({0}, {1})
strpos(varchar, varchar) -> bigint | strpos({0}, {1})
substr(varchar(n), bigint) -> varchar(n) | duff_substr({0}, {1})
substr(varchar(n), bigint, bigint) -> varchar(n) | duff_part({0}, {1}, {2})
split_part(varchar(n), varchar, bigint) -> varchar(n)
  | string_split({0}, duff_some({1}, 'a delimiter'))[duff_at({2}, 'split_part')]
like(varchar, varchar) -> boolean | {0} like {1}
like(varchar, varchar, varchar) -> boolean | {0} like {1} escape {2}
join(varchar, varchar) -> varchar | {0} || {1}
trim(varchar(n)) -> varchar(n) | trim({0}, duff_blanks())
ltrim(varchar(n)) -> varchar(n) | ltrim({0}, duff_blanks())
rtrim(varchar(n)) -> varchar(n) | rtrim({0}, duff_blanks())
trim(varchar(n), varchar) -> varchar(n) | trim({0}, {1})
ltrim(varchar(n), varchar) -> varchar(n) | ltrim({0}, {1})
rtrim(varchar(n), varchar) -> varchar(n) | rtrim({0}, {1})
lpad(varchar, bigint, varchar) -> varchar | lpad({0}, duff_length({1}), duff_some({2}, 'what fills up'))
rpad(varchar, bigint, varchar) -> varchar | rpad({0}, duff_length({1}), duff_some({2}, 'what fills up'))
concat_ws(varchar, varchar...) -> varchar | concat_ws({*})
concat_ws(varchar, array(varchar)) -> varchar | case when {0} is not null then duff_joined({1}, {0}) end
chr(bigint) -> varchar(1) | chr(cast({0} as integer))
codepoint(varchar) -> integer | case when length({0}) = 1 then ord({0}) else duff_at(0, 'codepoint') end
levenshtein_distance(varchar, varchar) -> bigint
  | levenshtein(duff_bytes({0}, duff_letters({0}, {1})), duff_bytes({1}, duff_letters({0}, {1})))
hamming_distance(varchar, varchar) -> bigint
  | hamming(duff_bytes({0}, duff_letters({0}, {1})), duff_bytes({1}, duff_letters({0}, {1})))
from_iso8601_date(varchar) -> date | duff_text({0}, {0}, '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]')
translate(varchar, varchar, varchar) -> varchar | translate({0}, {1}, {2})
"""

#: Other names of the same functions.
ALIASES = {"substring": "substr"}
