"""Numbers: operators by the names that `expressions` gives them, and functions.

https://trino.io/docs/current/functions/math.html, https://trino.io/docs/current/functions/decimal.html
"""

_WHOLE = ("tinyint", "smallint", "integer", "bigint")
_FLOATING = ("real", "double")

_OPERATORS = "\n".join(
    [
        f"add({kind}, {kind}) -> {kind} | {{0}} + {{1}}\n"
        f"subtract({kind}, {kind}) -> {kind} | {{0}} - {{1}}\n"
        f"multiply({kind}, {kind}) -> {kind} | {{0}} * {{1}}\n"
        f"negate({kind}) -> {kind} | -{{0}}\n"
        f"abs({kind}) -> {kind} | abs({{0}})\n"
        for kind in (*_WHOLE, *_FLOATING)
    ]
    + [
        f"divide({kind}, {kind}) -> {kind} | {{0}} // {{1}}\n"
        f"modulo({kind}, {kind}) -> {kind} | {{0}} % {{1}}\n"
        f"sign({kind}) -> {kind} | sign({{0}})\n"
        f"ceil({kind}) -> {kind} | {{0}}\n"
        f"floor({kind}) -> {kind} | {{0}}\n"
        f"round({kind}) -> {kind} | {{0}}\n"
        f"round({kind}, integer) -> {kind} | round({{0}}, duff_digits({{1}}))\n"
        for kind in _WHOLE
    ]
    + [
        f"divide({kind}, {kind}) -> {kind} | {{0}} / {{1}}\n"
        f"modulo({kind}, {kind}) -> {kind} | {{0}} % {{1}}\n"
        f"sign({kind}) -> {kind} | case when isnan({{0}}) then {{0}} else sign({{0}}) end\n"
        f"ceil({kind}) -> {kind} | ceil({{0}})\n"
        f"floor({kind}) -> {kind} | floor({{0}})\n"
        f"round({kind}) -> {kind} | round({{0}})\n"
        f"round({kind}, integer) -> {kind} | round({{0}}, {{1}})\n"
        f"truncate({kind}) -> {kind} | trunc({{0}})\n"
        # NaN is equal to nothing, and neither less nor more; DuckDB takes it for the largest
        f"equal({kind}, {kind}) -> boolean | {{0}} = {{1}} and not isnan({{0}})\n"
        f"differs({kind}, {kind}) -> boolean | not ({{0}} = {{1}} and not isnan({{0}}))\n"
        f"less({kind}, {kind}) -> boolean | {{0}} < {{1}} and not isnan({{1}})\n"
        f"at_most({kind}, {kind}) -> boolean | {{0}} <= {{1}} and not isnan({{1}})\n"
        + "".join(
            f"{name}({kind}...) -> {kind} | case when duff_any_null([{{*}}]) then null"
            f" when duff_any_nan([{{*}}]) then duff_nan('{name}') else {name}({{*}}) end\n"
            for name in ("greatest", "least")
        )
        for kind in _FLOATING
    ]
)

TABLE = (
    _OPERATORS
    + """
add(decimal(p,s), decimal(q,t)) -> decimal(max(p-s,q-t)+max(s,t)+1, max(s,t))
  | cast({0} as decimal(38,{max(s,t)})) + cast({1} as decimal(38,{max(s,t)}))
subtract(decimal(p,s), decimal(q,t)) -> decimal(max(p-s,q-t)+max(s,t)+1, max(s,t))
  | cast({0} as decimal(38,{max(s,t)})) - cast({1} as decimal(38,{max(s,t)}))
multiply(decimal(p,s), decimal(q,t)) -> decimal(p+q, s+t) | cast({0} as decimal({max(p,19)},{s})) * {1}
modulo(decimal(p,s), decimal(q,t)) -> decimal(min(p-s,q-t)+max(s,t), max(s,t))
  | cast((duff_unscaled({0}) * cast('1e{max(s,t)-s}' as hugeint))
  % (duff_unscaled({1}) * cast('1e{max(s,t)-t}' as hugeint))
  as decimal({38-max(max(s,t),1)},0)) * cast('{unit max(s,t)}' as decimal({max(max(s,t),1)},{max(s,t)}))
negate(decimal(p,s)) -> decimal(p,s) | -{0}
abs(decimal(p,s)) -> decimal(p,s) | abs({0})
sign(decimal(p,s)) -> decimal(1,0) | sign({0})
ceil(decimal(p,s)) -> decimal(p-s+min(s,1),0) | ceil(cast({0} as decimal({min(38,p+1)},{s})))
floor(decimal(p,s)) -> decimal(p-s+min(s,1),0) | floor(cast({0} as decimal({min(38,p+1)},{s})))
round(decimal(p,s)) -> decimal(p-s+min(s,1),0) | round(cast({0} as decimal({min(38,p+1)},{s})))
round(decimal(p,s), integer) -> decimal(p+1,s) | round(cast({0} as decimal({min(38,p+1)},{s})), {1})
truncate(decimal(p,s)) -> decimal(max(p-s,1),0) | trunc({0})
equal(S, S) -> boolean | {0} = {1}
differs(S, S) -> boolean | {0} <> {1}
less(S, S) -> boolean | {0} < {1}
at_most(S, S) -> boolean | {0} <= {1}
sqrt(double) -> double | duff_sqrt({0})
exp(double) -> double | exp({0})
ln(double) -> double | duff_ln({0})
log2(double) -> double | duff_log2({0})
log10(double) -> double | duff_log10({0})
log(double, double) -> double | duff_ln({1}) / duff_ln({0})
power(double, double) -> double | pow({0}, {1})
pi() -> double | pi()
is_nan(double) -> boolean | isnan({0})
is_finite(double) -> boolean | isfinite({0})
is_infinite(double) -> boolean | isinf({0})
nan() -> double | cast('nan' as double)
infinity() -> double | cast('inf' as double)
width_bucket(double, double, double, bigint) -> bigint | duff_bucket({0}, {1}, {2}, {3})
degrees(double) -> double | degrees({0})
radians(double) -> double | radians({0})
sin(double) -> double | sin({0})
cos(double) -> double | cos({0})
tan(double) -> double | tan({0})
asin(double) -> double | asin({0})
acos(double) -> double | acos({0})
atan(double) -> double | atan({0})
atan2(double, double) -> double | atan2({0}, {1})
cosh(double) -> double | cosh({0})
tanh(double) -> double | tanh({0})
e() -> double | exp(1)
random() -> double | random()
random(integer) -> integer | floor(random() * duff_at({0}, 'random'))
random(bigint) -> bigint | floor(random() * duff_at({0}, 'random'))
bitwise_and(bigint, bigint) -> bigint | {0} & {1}
bitwise_or(bigint, bigint) -> bigint | {0} | {1}
bitwise_xor(bigint, bigint) -> bigint | xor({0}, {1})
bitwise_not(bigint) -> bigint | ~{0}
to_base(bigint, bigint) -> varchar(64)
  | case when {0} < 0 then '-' else '' end || lower(to_base(abs({0}), cast({1} as integer)))
truncate(decimal(p,s), integer) -> decimal(p,s) | trunc({0}, {1})
greatest(S...) -> S | case when duff_any_null([{*}]) then null else greatest({*}) end
least(S...) -> S | case when duff_any_null([{*}]) then null else least({*}) end
"""
)

#: Other names of the same functions.
ALIASES = {"ceiling": "ceil", "pow": "power", "mod": "modulo", "rand": "random"}
