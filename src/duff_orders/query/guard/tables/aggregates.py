"""Aggregates: `{f}` is where a filter or a window stands, `{n}` an order within; `{0}` may begin with `distinct`.

https://trino.io/docs/current/functions/aggregate.html
"""

from duff_orders.query.guard.signatures import names

TABLE = """
count() -> bigint | count(*){f}
count(T) -> bigint | count({0}){f}
count_if(boolean) -> bigint | count(case when {0} then 1 end){f}
sum(tinyint) -> bigint | sum({0}){f}
sum(smallint) -> bigint | sum({0}){f}
sum(integer) -> bigint | sum({0}){f}
sum(bigint) -> bigint | sum({0}){f}
sum(real) -> real | sum({0}){f}
sum(double) -> double | sum({0}){f}
sum(decimal(p,s)) -> decimal(38,s) | sum({0}){f}
avg(bigint) -> double | avg({0}){f}
avg(double) -> double | avg({0}){f}
avg(real) -> real | avg({0}){f}
avg(decimal(p,s)) -> decimal(p,s)
  | cast(duff_average(duff_unscaled(sum({0}){f}), count({0}){f}) as decimal({38-max(s,1)},0))
  * cast('{unit s}' as decimal({max(s,1)},{s}))
min(S) -> S | min({0}){f}
max(S) -> S | max({0}){f}
min(double) -> double | coalesce(min(case when not isnan({0}) then {0} end){f}, min({0}){f})
max(double) -> double | coalesce(max(case when not isnan({0}) then {0} end){f}, max({0}){f})
min(real) -> real | coalesce(min(case when not isnan({0}) then {0} end){f}, min({0}){f})
max(real) -> real | coalesce(max(case when not isnan({0}) then {0} end){f}, max({0}){f})
sum(interval day to second) -> interval day to second | sum({0}){f}
sum(interval year to month) -> interval year to month | sum({0}){f}
approx_percentile(bigint, double) -> bigint | quantile_disc({0}, duff_share({1})){f}
approx_percentile(double, double) -> double | quantile_disc({0}, duff_share({1})){f}
approx_percentile(bigint, array(double)) -> array(bigint)
  | quantile_disc({0}, list_transform({1}, lambda each: duff_share(each))){f}
approx_percentile(double, array(double)) -> array(double)
  | quantile_disc({0}, list_transform({1}, lambda each: duff_share(each))){f}
covar_pop(double, double) -> double | covar_pop({0}, {1}){f}
covar_samp(double, double) -> double | covar_samp({0}, {1}){f}
regr_slope(double, double) -> double | duff_finite(regr_slope({0}, {1}){f})
regr_intercept(double, double) -> double | duff_finite(regr_intercept({0}, {1}){f})
geometric_mean(double) -> double | geomean({0}){f}
bitwise_and_agg(bigint) -> bigint | bit_and({0}){f}
bitwise_or_agg(bigint) -> bigint | bit_or({0}){f}
bool_and(boolean) -> boolean | bool_and({0}){f}
bool_or(boolean) -> boolean | bool_or({0}){f}
arbitrary(T) -> T | any_value({0}){f}
listagg(varchar) -> varchar | string_agg({0}, ''{n}){f}
listagg(varchar, varchar) -> varchar | string_agg({0}, {1}{n}){f}
array_agg(T) -> array(T) | array_agg({0}{n}){f}
grouping(T) -> bigint | grouping({0})
max_by(T, S) -> T | arg_max_null({0}, {1}){f}
min_by(T, S) -> T | arg_min_null({0}, {1}){f}
approx_distinct(T) -> bigint | count(distinct {0}){f}
corr(double, double) -> double | duff_finite(corr({0}, {1}){f})
stddev(double) -> double | stddev_samp({0}){f}
stddev_pop(double) -> double | stddev_pop({0}){f}
variance(double) -> double | var_samp({0}){f}
var_pop(double) -> double | var_pop({0}){f}
"""

#: Other names of the same functions.
ALIASES = {"every": "bool_and", "any_value": "arbitrary", "stddev_samp": "stddev", "var_samp": "variance"}
NAMES = names(TABLE) | frozenset(ALIASES)
