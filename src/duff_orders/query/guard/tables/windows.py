"""Functions of windows: `{f}` is where the window stands, before it `ignore nulls` where that is asked for.

https://trino.io/docs/current/functions/window.html
"""

from duff_orders.query.guard.signatures import names

TABLE = """
row_number() -> bigint | row_number(){f}
rank() -> bigint | rank(){f}
dense_rank() -> bigint | dense_rank(){f}
percent_rank() -> double | percent_rank(){f}
cume_dist() -> double | cume_dist(){f}
ntile(bigint) -> bigint | ntile({0}){f}
first_value(T) -> T | first_value({0}{n}){f}
last_value(T) -> T | last_value({0}{n}){f}
nth_value(T, bigint) -> T | nth_value({0}, duff_at({1}, 'nth_value'){n}){f}
lag(T) -> T | lag({0}{n}){f}
lag(T, bigint) -> T | lag({0}, duff_natural({1}, 'lag'){n}){f}
lag(T, bigint, T) -> T | lag({0}, duff_natural({1}, 'lag'), {2}{n}){f}
lead(T) -> T | lead({0}{n}){f}
lead(T, bigint) -> T | lead({0}, duff_natural({1}, 'lead'){n}){f}
lead(T, bigint, T) -> T | lead({0}, duff_natural({1}, 'lead'), {2}{n}){f}
"""

ALIASES: dict[str, str] = {}
NAMES = names(TABLE)
#: Those that look at values of other rows, and may leave out nulls.
OF_VALUES = frozenset(("first_value", "last_value", "nth_value", "lag", "lead"))
