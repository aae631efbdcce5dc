"""Orders files to experiment with: realistic, of any size, identical bytes for identical arguments.

Every value is a function of the seed and of a number: of the order, of the line in it, of the
client. So an order line looks the same in every file that holds it, a later file can report its new
status, and neither the number of threads nor a DuckDB release changes a byte of a plain file: the
scattering is written out in integer arithmetic.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import duckdb

from duff_orders.contract import CONTRACT, Column
from duff_orders.drivers.dialect import sql_name, sql_text
from duff_orders.generator.values import (
    BEERS,
    CHANNEL_DRAWS,
    FIRST_CLIENT,
    FIRST_PRODUCT,
    FLAWS,
    LACKING,
    MOVED_DRAWS,
    NAMES,
    PACKS,
    STATUS_DRAWS,
    SURPLUS,
    UNIT_DRAWS,
)
from duff_orders.generator.writing import FURTHER, Writing
from duff_orders.profiles.profile import Profile

MAX_ROWS: Final = 1_000_000_000
MAX_ORDER: Final = 1_000_000_000
MAX_SEED: Final = 2**32 - 1

# Three orders of one, two and three lines make a block of six; the seed says in which sequence.
_SEQUENCES: Final = ((1, 2, 3), (1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1))


def generate(
    out: Path,
    *,
    rows: int,
    seed: int = 0,
    bad: float = 0.0,
    duplicates: float = 0.0,
    first_order: int = 1,
    update_of: tuple[int, int] | None = None,
    updates: float = 0.0,
    profile: Profile | None = None,
) -> None:
    """Write an orders file of exactly `rows` records to `out`, gzipped if its name ends in `.gz`.

    Exactly `round(rows * bad)` records break the contract and exactly `round(rows * duplicates)`
    repeat an earlier good record to the letter; both lie evenly over the file. The others are order
    lines, one to three an order, order numbers ascending from `first_order`: at most
    `rows // 2 + 3` orders, and exactly `rows / 2` whole ones where `rows` is a multiple of 6,
    `first_order` is one more than a multiple of 3, and nothing else is asked for.

    With `update_of=(first, last)` and `updates`, `round(rows * updates)` of the good records are
    instead lines of those orders, taken evenly from the range, each at most once, with the status
    delivered or broken; all else in them is as in the file of the same seed that held them first.

    With a `profile` the file is written as that partner does: its names, delimiter, marks and words; columns that have
    a default are left out. Read by the profile it gives the orders of the same arguments without one, but for these.

    The file appears under its name when it is whole, replacing what was there. Raises ValueError
    for arguments out of range and OSError where nothing can be written.
    """
    _check_range("rows", rows, 0, MAX_ROWS)
    _check_range("seed", seed, 0, MAX_SEED)
    _check_range("first_order", first_order, 1, MAX_ORDER)
    for name, share in (("bad", bad), ("duplicates", duplicates), ("updates", updates)):
        _check_range(name, share, 0, 1)
    _check_range("bad + duplicates", bad + duplicates, 0, 1)
    if (update_of is None) != (updates == 0):
        raise ValueError("update_of and updates go together: a range of orders with a share above 0, or neither")

    n_bad, n_dup, n_upd = round(rows * bad), round(rows * duplicates), round(rows * updates)
    n_good = rows - n_bad - n_dup
    if n_good < 0 or (n_dup and not n_good):
        raise ValueError(f"bad={bad} and duplicates={duplicates} leave no good record among {rows} to repeat")
    if n_upd > n_good:
        raise ValueError(f"updates={updates} asks for {n_upd} of {rows} records, but only {n_good} are good")
    old_line, old_lines = _lines_of(*update_of, seed=seed) if update_of else (0, 0)
    if n_upd > old_lines:
        raise ValueError(
            f"updates={updates} asks for {n_upd} order lines, but orders {update_of} have "
            f"{old_lines}: take a wider range or a smaller share"
        )

    query = _lines_sql(
        counts=(n_good, n_bad, n_dup, n_upd),
        seed=seed,
        first_line=_first_line(first_order, seed),
        old_line=old_line,
        old_lines=old_lines,
        writing=Writing(profile),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    compression = "gzip" if out.suffix == ".gz" else "none"
    try:
        with duckdb.connect() as connection:
            connection.execute(_MACROS)
            # The lines are whole as they are: no quote, and a delimiter that none of them holds.
            connection.execute(
                f"copy ({query}) to {sql_text(str(partial))} "
                f"(format csv, header true, quote '', escape '', delimiter '\x01', "
                f"compression {compression})"
            )
        partial.replace(out)
    except duckdb.IOException as error:
        raise OSError(f"{out}: cannot be written: {error}") from error
    finally:
        partial.unlink(missing_ok=True)


def _check_range(name: str, value: float, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name}: {value} is not between {low} and {high}")


def _lines_of(first: int, last: int, *, seed: int) -> tuple[int, int]:
    """The number of the first line of a range of orders, and how many lines the range has."""
    if not 1 <= first <= last <= MAX_ORDER:
        raise ValueError(f"update_of: ({first}, {last}) is not a range of orders from 1 to {MAX_ORDER}")
    start = _first_line(first, seed)
    return start, _first_line(last + 1, seed) - start


def _first_line(order: int, seed: int) -> int:
    """How many lines the orders before this one have."""
    block, place = divmod(order - 1, 3)
    sizes = _SEQUENCES[_draw(_scatter(block, _salt(seed, 0)), len(_SEQUENCES))]
    return 6 * block + sum(sizes[:place])


# Scattering: a number to 32 bits that look random, after "lowbias32"
# (https://nullprogram.com/blog/2018/07/31/). The upper bits are the good ones: a draw of one in n
# is the upper half of the product with n, and the lower half is a further 32 bits to draw from.


def _salt(seed: int, purpose: int) -> int:
    return (seed * 0x85EBCA77 + purpose * 0x27D4EB2F + 0x165667B1) % 2**32


def _scatter(number: int, salt: int) -> int:
    bits = ((number % 2**32) * 0x9E3779B1 + salt) % 2**32
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        bits = (bits ^ (bits >> shift)) * factor % 2**32
    return bits


def _draw(bits: int, n: int) -> int:
    return bits * n >> 32


_MACROS: Final = f"""
create temp macro low32(x) as x & {0xFFFFFFFF}::ubigint;
create temp macro stir(bits, shift, factor) as low32(xor(bits, bits >> shift) * factor::ubigint);
create temp macro scatter(number, salt) as
    stir(
        stir(low32(low32(number::ubigint) * {0x9E3779B1} + salt), 16, {0x7FEB352D}),
        15,
        {0x846CA68B}
    );
create temp macro draw(bits, n) as (bits * n::ubigint) >> 32;
create temp macro rest(bits, n) as low32(bits * n::ubigint);
"""


def _lines_sql(
    *,
    counts: tuple[int, int, int, int],
    seed: int,
    first_line: int,
    old_line: int,
    old_lines: int,
    writing: Writing,
) -> str:
    """The file's lines in order, as one column that is named like the header line.

    `slot` gives every record its kind, spreading each kind evenly; `source` says whose text it
    shows, its own or an earlier record's; `line` and `placed` find the order line; `scattered` and
    `drawn` turn numbers into draws, and `field` draws into text. Every alias is new: in DuckDB a
    column wins over an alias of its name in the same select.
    """
    good, bad, dup, upd = counts
    rows, some, other = max(good + bad + dup, 1), max(good, 1), max(bad + dup, 1)
    sizes = [size for sequence in _SEQUENCES for size in sequence]
    order_in_block = [place for sequence in _SEQUENCES for place, size in enumerate(sequence) for _ in range(size)]
    line_in_order = [line for size in sizes for line in range(size)]
    descriptions = [f"{beer} {pack}" for beer in BEERS for pack, _, _ in PACKS]
    # One beer is dearer than the one before it by 3 %.
    prices = [
        f"{(cents * (100 + 3 * n)) // 10000}.{(cents * (100 + 3 * n)) // 100 % 100:02d}"
        for n in range(len(BEERS))
        for _, _, cents in PACKS
    ]
    volumes = [litres for _ in BEERS for _, litres, _ in PACKS]
    products = len(descriptions)
    fields = {
        "client_id": f"({FIRST_CLIENT} + client)::varchar",
        "client_name": f"""case
            when client < {len(NAMES)} then {_pick([_quoted(name) for name in NAMES], "client")}
            when client % {len(NAMES)} = {len(NAMES) - 1}
                then '"' || {sql_text(NAMES[-1])} || ' ' || client // {len(NAMES)} || '"'
            else {_pick(NAMES, f"client % {len(NAMES)}")} || ' ' || client // {len(NAMES)}
        end""",
        "order_id": "order_no::varchar",
        "product_id": f"({FIRST_PRODUCT} + product)::varchar",
        "product_description": _pick(descriptions, "product"),
        "product_price": _pick(prices, "product"),
        "product_ccf": _pick([str(units) for units in UNIT_DRAWS], "draw(line_bits, 64)"),
        "product_volume": _pick(volumes, "product"),
        "point_of_sale_channel": _pick(CHANNEL_DRAWS, "draw(order_bits, 64)"),
        "status": f"""case
            when is_update then {_pick(MOVED_DRAWS, "draw(rest(line_bits, 64), 64)")}
            else {_pick(STATUS_DRAWS, "draw(rest(line_bits, 64), 64)")}
        end""",
    }
    fields |= {column.name: _optional(column, number) for number, column in enumerate(CONTRACT.optional, 1)}
    names = [column.name for column in writing.columns]
    texts = ", ".join(f"{_with_flaws(name, fields[name], bad)} as {name}" for name in names)
    between = f" || {sql_text(writing.delimiter)} || "
    texts_written = [
        *(sql_text(FURTHER) for _ in writing.further),
        *(writing.text(each, each.name) for each in writing.columns),
    ]
    line = between.join(texts_written)
    if bad:
        cut = between.join(texts_written[:-1])
        lacking, surplus = _flaw_number(LACKING), _flaw_number(SURPLUS)
        line = f"""case flaw
            when {lacking} then {cut}
            when {surplus} then {line}{between}{sql_text(FLAWS[surplus][SURPLUS])}
            else {line}
        end"""
    return f"""
with slot as (
    select
        i,
        (i * {good} + {rows - 1}) // {rows} as goods_before,
        ((i + 1) * {good} + {rows - 1}) // {rows} > goods_before as is_good,
        i - goods_before as others_before,
        (others_before * {dup}) // {other} as duplicates_before,
        not is_good
            and ((others_before + 1) * {dup}) // {other} > duplicates_before as is_duplicate,
        case
            when not is_good and not is_duplicate
                then (others_before - duplicates_before) % {len(FLAWS)}
        end as flaw
    from range({rows if any(counts) else 0}) as record(i)
),
source as (
    select
        flaw,
        case
            -- any good record before this one
            when is_duplicate
                then (draw(scatter(i, {_salt(seed, 1)}), goods_before)::bigint * {rows}) // {some}
            else i
        end as shown,
        (shown * {good} + {rows - 1}) // {rows} as goods_above,
        (goods_above * {upd}) // {some} as updates_above,
        ((shown - goods_above) * {dup}) // {other} as duplicates_above,
        flaw is null
            and ((goods_above + 1) * {upd}) // {some} > updates_above as is_update
    from slot
),
line as (
    select
        flaw,
        is_update,
        case
            when is_update then {old_line} + (updates_above * {old_lines}) // {max(upd, 1)}
            else {first_line} + shown - duplicates_above - updates_above
        end as line_no
    from source
),
placed as (
    select
        flaw,
        is_update,
        line_no,
        draw(scatter(line_no // 6, {_salt(seed, 0)}), {len(_SEQUENCES)})::bigint * 6
            + line_no % 6 as place,
        (line_no // 6) * 3 + {order_in_block}[place + 1] + 1 as order_no,
        {line_in_order}[place + 1] as line_in_order
    from line
),
scattered as (
    select
        flaw,
        is_update,
        order_no,
        line_in_order,
        scatter(order_no, {_salt(seed, 2)}) as client_bits,
        scatter(order_no, {_salt(seed, 3)}) as order_bits,
        scatter(line_no, {_salt(seed, 4)}) as line_bits
    from placed
),
drawn as (
    select
        flaw,
        is_update,
        order_no,
        order_bits,
        line_bits,
        -- One client in ten orders so far, a few of whom order much: the cube of an even draw.
        client_bits::double / {2**32} as client_share,
        (client_share * client_share * client_share * (50 + order_no // 10)) as client_draw,
        floor(client_draw)::bigint as client,
        -- Products likewise, by the square. The lines of an order are for different products.
        rest(order_bits, 64)::double / {2**32} as product_share,
        floor(product_share * product_share * {products})::bigint as first_product,
        (first_product + 37 * line_in_order) % {products} as product
    from scattered
),
field as (
    select
        flaw,
        {texts}
    from drawn
)
select {line} as {sql_name(writing.header)}
from field
"""


def _optional(column: Column, number: int) -> str:
    """A text of an optional column, the number-th: every second record has none."""
    drawn = f"draw(scatter(line_bits::bigint + {number}, {number}), 16)"
    value = f"{sql_text(column.name.upper())} || '-' || {drawn}" if column.kind == "text" else f"(1 + {drawn})::varchar"
    return f"case when {drawn} < 8 then '' else {value} end"


def _with_flaws(column: str, text: str, bad: int) -> str:
    """The SQL of a column's text, but where the record's flaw lies in it: that."""
    flaws = [(number, flaw[column]) for number, flaw in enumerate(FLAWS) if column in flaw]
    if not bad or not flaws:
        return text
    cases = " ".join(f"when {number} then {sql_text(wrong)}" for number, wrong in flaws)
    return f"case flaw {cases} else {text} end"


def _flaw_number(kind: str) -> int:
    return next(number for number, flaw in enumerate(FLAWS) if kind in flaw)


def _pick(texts: Sequence[str], index: str) -> str:
    return f"[{', '.join(map(sql_text, texts))}][({index})::bigint + 1]"


def _quoted(text: str) -> str:
    return f'"{text}"' if "," in text else text
