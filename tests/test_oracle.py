"""The oracle against examples worked out by hand: what it says is what the other tests believe."""

import gzip
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings

from tests.effort import examples
from tests.hostile import HostileFile, orders_files
from tests.oracle import COLUMNS, FileRows, Outcome, Published, Rejected, judge, star

HEADER = (
    "client_id,client_name,order_id,product_id,product_description,"
    "product_price,product_ccf,product_volume,point_of_sale_channel,status\n"
)
GOOD = "1,Ana,10,100,Lager,2.5,6,0.33,Retail,created\n"
ANA = Published(
    client_id=1,
    client_name="Ana",
    order_id=10,
    product_id=100,
    product_description="Lager",
    product_price=Decimal("2.5"),
    product_ccf=6,
    product_volume=Decimal("0.33"),
    point_of_sale_channel="Retail",
    status="created",
    total_price=Decimal("15"),
)


def judge_text(text: str) -> Outcome:
    return judge(text.encode())


def counts(outcome: Outcome) -> tuple[int, int, int, int, int]:
    """Read, published, duplicate, rejected, withheld."""
    return (
        outcome.rows_read,
        outcome.rows_published,
        outcome.rows_duplicate,
        outcome.rows_rejected,
        outcome.rows_withheld,
    )


def rows_of(outcome: Outcome) -> list[tuple[str, str | None]]:
    return [(rejected.reasons, rejected.record) for rejected in outcome.rejected]


def test_a_plain_file() -> None:
    nulls = {
        "client_id": 0,
        "client_name": 0,
        "order_id": 0,
        "product_id": 0,
        "product_description": 0,
        "product_price": 0,
        "product_ccf": 0,
        "product_volume": 0,
        "point_of_sale_channel": 0,
        "status": 0,
    }
    assert judge_text(HEADER + GOOD) == Outcome(
        "valid", None, "utf-8", ",", ".", [], 1, 1, 0, 0, 0, nulls, [ANA], [], [], [None]
    )
    assert judge_text(HEADER) == Outcome("valid", None, "utf-8", ",", ".", [], 0, 0, 0, 0, 0, nulls, [], [], [])


def test_duplicates_are_equal_as_values() -> None:
    other_spelling = '01.0, Ana ,10,100,  "Lager" ,02.50,6.00,.33,Retail, Created \r\n'
    same = other_spelling.replace(",.33,", ",0.33000000,")
    outcome = judge_text(HEADER + GOOD + same + other_spelling)
    assert counts(outcome) == (3, 1, 1, 1, 0)
    assert outcome.verdict == "valid_with_rejects"
    assert outcome.published == [ANA]
    assert outcome.rejected == [
        Rejected(
            *("01.0", " Ana ", "10", "100", "Lager", "02.50", "6.00", ".33", "Retail"),
            status=" Created ",
            reasons="product_volume:not_a_number",
            record=None,
            line=4,
        )
    ]


def test_several_reasons_stand_in_column_order() -> None:
    outcome = judge_text(HEADER + GOOD + "-1, nUlL ,0,1e3,\\n,-0.5,2147483648,0,N/A,shipped\n")
    assert [rejected.reasons for rejected in outcome.rejected] == [
        "client_id:negative;client_name:missing;order_id:out_of_range;product_id:not_an_integer;"
        "product_description:missing;product_price:negative;product_ccf:out_of_range;"
        "product_volume:out_of_range;point_of_sale_channel:missing;status:unknown"
    ]
    assert outcome.nulls is not None
    assert [column for column, count in outcome.nulls.items() if count] == [
        "client_name",
        "product_description",
        "point_of_sale_channel",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("999999999999999999", 999_999_999_999_999_999),
        ("9" * 19, "out_of_range"),
        ("0" * 18 + "1", "out_of_range"),
        ("6.000", 6),
        ("6.", "not_an_integer"),
        ("6.5", "not_an_integer"),
        ("-6.5", "not_an_integer"),
        ("-0", "negative"),
        ("+1", "not_an_integer"),
        ("0", "out_of_range"),
        ("\u0663", "not_an_integer"),
        ("1_000", "not_an_integer"),
        ("\x0112", "not_an_integer"),
        ("12\u00a0", 12),
        ("\u200b\u202f12\ufeff\u2007", 12),
        ("\u206012", "not_an_integer"),
        ("1.000", 1),
        ('"12\n"', "not_an_integer"),
        (" \t12\r", 12),
        ("NaN", "missing"),
    ],
)
def test_integers(text: str, expected: int | str) -> None:
    outcome = judge_text(HEADER + GOOD + f"1,Ana,{text},100,Lager,2.5,6,0.33,Retail,created\n")
    if isinstance(expected, int):
        assert outcome.published[1].order_id == expected
    else:
        assert outcome.rejected[0].reasons == f"order_id:{expected}"


def test_case_is_ascii_case() -> None:
    row = GOOD.replace("created", "BroKen")
    outcome = judge_text(HEADER + row + row.replace("K", "\u212a"))  # the Kelvin sign
    assert outcome.published == [ANA._replace(status="broken")]
    assert outcome.rejected[0].reasons == "status:unknown"
    assert judge_text(HEADER.replace("i", "\u0130") + GOOD).problem == "header"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("99999999.9999", Decimal("99999999.9999")),
        ("1.50000000000", Decimal("1.5")),
        ("0", Decimal(0)),
        ("0.00001", "too_precise"),
        ("12.34567", "too_precise"),
        ("100000000", "out_of_range"),
        ("000000001.5", "out_of_range"),
        ("123456789.12345", "out_of_range"),
        ("-2.5", "negative"),
        (".5", "not_a_number"),
        ("5.", "not_a_number"),
        ("inf", "not_a_number"),
        ('"1,5"', "not_a_number"),
        ("\\N", "missing"),
    ],
)
def test_numbers(text: str, expected: Decimal | str) -> None:
    outcome = judge_text(HEADER + GOOD + f"1,Ana,11,100,Lager,{text},6,0.33,Retail,created\n")
    if isinstance(expected, Decimal):
        assert outcome.published[1].product_price == expected
    else:
        assert outcome.rejected[0].reasons == f"product_price:{expected}"


@pytest.mark.parametrize("column", ["client_name", "product_description", "point_of_sale_channel"])
def test_texts(column: str) -> None:
    place = COLUMNS.index(column)
    for text, reason in (
        ("é" * 4096, None),
        (" \t" + "\U0001f37a" * 4096 + " ", None),
        ("x" * 4097, "too_long"),
        ("\U0001f37a" * 4097, "too_long"),
    ):
        fields = GOOD.strip().split(",")
        fields[place] = text
        outcome = judge_text(HEADER + GOOD + ",".join(fields) + "\n")
        assert [rejected.reasons for rejected in outcome.rejected] == ([f"{column}:{reason}"] if reason else [])


def test_products_are_exact_at_the_largest_values() -> None:
    row = "1,Ana,1,1,Lager,99999999.9999,2147483647,1,Retail,created\n"
    outcome = judge_text(HEADER + row)
    assert outcome.published[0].total_price == Decimal("214748364699785251.6353")


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_a_point_before_three_digits_is_ambiguous_beside_other_delimiters(delimiter: str) -> None:
    good = ("1", "Ana", "10", "100", "Lager", "2,5", "6", "0.330", "Retail", "created")
    rows = []
    for column, text in (
        ("product_price", "1.990"),
        ("product_ccf", "2.000"),
        ("order_id", "1.234.567"),
        ("client_id", " 12.345\u00a0"),
        ("product_volume", "999.999"),
        ("product_id", "0.100"),
        ("product_price", "0.473"),
        ("product_price", "1990.000"),
        ("product_price", "1,990"),
    ):
        cells = list(good)
        cells[COLUMNS.index(column)] = text
        rows.append(delimiter.join(cells) + "\n")
    text = HEADER.replace(",", delimiter) + delimiter.join(good) + "\n" + "".join(rows)
    outcome = judge(text.encode(), max_reject_share=Decimal(1))
    assert (outcome.delimiter, outcome.decimal_mark) == (delimiter, ",")
    assert [rejected.reasons for rejected in outcome.rejected] == [
        "product_price:ambiguous_mark",
        "product_ccf:ambiguous_mark",
        "order_id:ambiguous_mark",
        "client_id:ambiguous_mark",
        "product_volume:ambiguous_mark",
        "product_id:not_an_integer",
    ]
    assert [row.product_price for row in outcome.published] == [
        Decimal(price) for price in ("2.5", "0.473", "1990", "1.99")
    ]


def test_decimal_commas_where_the_delimiter_is_a_semicolon() -> None:
    rows = "1;Ana;10;100;Lager;2,50;6,0;0.33;Retail;created\n1;Ana;10;100;Lager;1.234,50;1,2,3;-0,5;Retail;created\n"
    outcome = judge_text(HEADER.replace(",", ";") + rows)
    assert (outcome.delimiter, outcome.decimal_mark) == (";", ",")
    assert outcome.published == [ANA]
    assert [rejected.reasons for rejected in outcome.rejected] == [
        "product_price:not_a_number;product_ccf:not_an_integer;product_volume:negative"
    ]


def test_quotes() -> None:
    rest = ",10,100,Lager,2.5,6,0.33,Retail,created"
    outcome = judge_text(
        HEADER
        + f'1,  "A, ""B""\r\nC" {rest}\n'
        + f'1,A"B"{rest}\n'
        + f'1,"A\\"{rest}\r\n'
        + f'1,"two\nlines"x{rest}\r\n'
        + f'1,"A"\t{rest}\n'
        + f'1,"A\\" B"{rest}'
    )
    assert [row.client_name for row in outcome.published] == ['A, "B"\r\nC', 'A"B"', "A\\"]
    assert rows_of(outcome) == [
        ("row:malformed_quotes", f'1,"two\nlines"x{rest}'),
        ("row:malformed_quotes", f'1,"A"\t{rest}'),
        ("row:malformed_quotes", f'1,"A\\" B"{rest}'),
    ]
    assert counts(outcome) == (6, 3, 0, 3, 0)  # half are rejected: not more than the share


def test_after_malformed_quotes_the_next_line_is_a_record() -> None:
    outcome = judge_text(HEADER + '"a"b,"c\n' + GOOD + '"d" "\n' + GOOD)
    assert rows_of(outcome) == [
        ("row:malformed_quotes", '"a"b,"c'),
        ("row:malformed_quotes", '"d" "'),
    ]
    assert counts(outcome) == (4, 1, 1, 2, 0)


def test_a_quote_that_never_closes() -> None:
    outcome = judge_text(HEADER + GOOD + GOOD + GOOD + '1,"Ana,10\n' + GOOD)
    assert (outcome.verdict, outcome.problem) == ("invalid", "unclosed_quote")
    assert counts(outcome) == (4, 0, 0, 1, 3)
    assert rows_of(outcome) == [("row:malformed_quotes", '1,"Ana,10\n' + GOOD)]
    assert outcome.published == []


def test_lines() -> None:
    outcome = judge_text(
        " \t\r\n\n" + HEADER + "\n" + GOOD + "\t \r\n" + GOOD[:-1] + ",\n1,2\r\n\r\r\nx\ry\n" + GOOD[:-1]
    )
    assert [(row.reasons, row.record, row.line) for row in outcome.rejected] == [
        ("row:wrong_field_count", GOOD[:-1] + ",", 7),
        ("row:wrong_field_count", "1,2", 8),
        ("row:wrong_field_count", "x\ry", 10),  # a lone CR is a letter
    ]
    assert counts(outcome) == (5, 0, 0, 3, 2)
    assert outcome.problem == "reject_share"


def test_lines_within_quotes_count() -> None:
    outcome = judge_text('\n"Note\r\n",' + HEADER + f'"a\n\nb",{GOOD}x,y\n' + f'"\n",{GOOD}"1\n2",{GOOD}"a\nb"c\n')
    assert [(row.reasons, row.line) for row in outcome.rejected] == [
        ("row:wrong_field_count", 7),
        ("row:malformed_quotes", 12),
    ]


def test_records_of_blanks_are_none() -> None:
    blanks = [";" * 9, "; ;\t;\r;\u00a0;\u2007\u202f;\u200b;\ufeff;;", '"";" ";;;;;;;;', ";", ";" * 20, '""']
    header, good = HEADER.replace(",", ";"), GOOD.replace(",", ";")
    lines = "".join(f"{line}\n" for line in blanks)
    outcome = judge_text(lines + header + lines + good + lines + "x" + lines)
    assert (outcome.delimiter, counts(outcome)) == (";", (2, 1, 0, 1, 0))
    assert [(row.client_id, row.line) for row in outcome.rejected] == [("x", 21)]
    for line in (";" * 8 + ";-", ';"\n"', ";null" * 9, '""""', '"";x', '" "x'):
        assert judge_text(header + good + line + "\n").rows_read == 2
    assert judge_text("\u00a0\n\n \n").problem == "empty"
    assert judge_text(lines).problem == "header"


@pytest.mark.parametrize("sep", ["sep=;", "SEP=;", " \r\n\nSep=; ", "\u00a0sep=;\t"])
def test_the_first_line_may_name_the_delimiter(sep: str) -> None:
    text = HEADER.replace(",", ";") + GOOD.replace(",", ";") + "x\n"
    for end in ("\n", "\r\n", "\n\n"):
        outcome = judge_text(sep + end + text)
        assert (outcome.delimiter, counts(outcome)) == (";", (2, 1, 0, 1, 0))
        assert outcome.rejected[0].line == (sep + end).count("\n") + 3
    for other in ("sep=,", "sep=^", "sep=;;", "xsep=;", '"sep=;"', "sep=", "\u017fep=;"):
        assert judge_text(other + "\n" + text).problem == "header"
    assert judge_text(sep).problem == "header"


def test_remarks() -> None:
    swallowed = GOOD.replace("Ana", f'"Moe{GOOD[1:]}{GOOD}1,Moe"')
    assert judge_text(HEADER + swallowed + GOOD).remarks == ["lines_within_quotes:1", "order_line_repeated:1"]
    for name in ('"a\nb"', '"Note,\n,,,,,,,,\n,"', '","', '"' + "," * 30 + '"'):
        assert judge_text(HEADER + GOOD.replace("Ana", name)).remarks == []
    for name in ('"\n,,,,,,,,,"', '",,,,,,,,,\r\nx"', '"\n"",,,,,,,,,"'):
        assert judge_text(HEADER + GOOD.replace("Ana", name)).remarks == ["lines_within_quotes:1"]
    note = judge_text(f"Note,{HEADER}x,{GOOD}" + f'"\n{"," * 10}",{GOOD}')
    assert (note.rows_duplicate, note.remarks) == (1, ["lines_within_quotes:1"])

    other = GOOD.replace(",6,", ",7,")
    assert judge_text(HEADER + GOOD * 2).remarks == []
    assert judge_text(HEADER + GOOD + other + GOOD.replace("created", "delivered")).remarks == ["order_line_repeated:1"]
    assert judge_text(HEADER + GOOD + other.replace("100", "101")).remarks == []

    for name in ("a\u00a0b", "a\x0bb", "\x7f", "a\x85", "a\u202eb", "a\u2060", "x\ufeffx", "\u200ex", "a\u2028b"):
        assert judge_text(HEADER + GOOD.replace("Ana", name)).remarks == ["invisible_characters:1"]
    for name in ("\u00a0Ana\u200b", "a\tb", "a\rb", '"a\nb"', "e\u0301", "\u3000", "\u2010", "€"):
        assert judge_text(HEADER + GOOD.replace("Ana", name)).remarks == []
    assert judge_text(HEADER + GOOD.replace("Ana", "a\u00a0b").replace("created", "x")).remarks == []


def test_a_second_header() -> None:
    names = HEADER.strip()
    outcome = judge_text(
        HEADER + GOOD * 2 + f' "{names.upper().replace(",", chr(34) + "," + chr(34))}" \n' + f"{names},x\n"
    )
    assert (outcome.verdict, counts(outcome)) == ("valid_with_rejects", (4, 1, 1, 2, 0))
    assert [(row.reasons, row.status, row.record, row.line) for row in outcome.rejected] == [
        ("row:header", "STATUS", None, 4),
        ("row:header", "status", None, 5),
    ]
    turned = names.split(",")
    turned = [*turned[1:], turned[0]]
    for second in (",".join(turned), f"x,{names}", f"{','.join(turned)},status"):
        outcome = judge_text(HEADER + GOOD + f"{second}\n" + GOOD)
        assert (outcome.problem, counts(outcome)) == ("second_header", (3, 0, 0, 1, 2))
        assert (outcome.rejected[0].reasons, outcome.rejected[0].line) == ("row:header", 3)
    for second in (names.replace("status", "state"), names[1:], f"{names}x", f'"{names}"'):
        assert judge_text(HEADER + GOOD + f"{second}\n").problem is None
    assert judge_text("x," + HEADER + f"{names}\n1,{GOOD}").problem == "second_header"  # one field less: moved


def test_the_header() -> None:
    names = HEADER.strip().split(",")
    upper = "|".join(f" {name.upper()}\t" for name in reversed(names))
    row = "|".join(reversed(GOOD.strip().split(",")))
    outcome = judge_text(f'Notes|{upper}| |"a,b"\r\nx|{row}||\r\n')
    assert outcome.verdict == "valid"
    assert (outcome.delimiter, outcome.decimal_mark) == ("|", ",")
    assert outcome.extra_columns == ["Notes", "", "a,b"]
    assert outcome.published == [ANA]

    pipes = "|" + "|".join(names) + "|z"
    both = judge_text(f'x,"{pipes}",{HEADER}x,y,{GOOD}')  # holds all ten under the pipe too
    assert (both.delimiter, both.extra_columns, both.published) == (",", ["x", pipes], [ANA])

    missing = judge_text(HEADER.replace("status", "state") + GOOD)
    assert (missing.verdict, missing.problem) == ("invalid", "header")
    assert (missing.encoding, missing.delimiter) == ("utf-8", None)
    assert (missing.extra_columns, missing.nulls) == (None, None)

    twice = judge_text(HEADER.replace("\n", ",Status\n") + GOOD)
    assert (twice.verdict, twice.problem) == ("invalid", "header")
    assert (twice.delimiter, counts(twice)) == (",", (0, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("data", "encoding", "name"),
    [
        ("José".encode(), "utf-8", "José"),
        ("José".encode("cp1252"), "windows-1252", "José"),
        (b"\x80\x81\x8d\x8f\x90\x9d", "windows-1252", "\u20ac\x81\x8d\x8f\x90\x9d"),
        ("é".encode() + b"\xff", "windows-1252", "\u00c3\u00a9\u00ff"),
        ("éé".encode() + b"\xe2\x82", "windows-1252", "\u00c3\u00a9\u00c3\u00a9\u00e2\u201a"),
    ],
)
def test_encodings(data: bytes, encoding: str, name: str) -> None:
    for mark in (b"", b"\xef\xbb\xbf"):
        outcome = judge(mark + HEADER.encode() + GOOD.encode().replace(b"Ana", data))
        assert (outcome.encoding, outcome.published[0].client_name) == (encoding, name)


def test_few_bytes_that_are_no_text() -> None:
    header, good = HEADER.encode(), GOOD.encode()
    name = "Peña Núñez €".encode()  # four characters of several bytes
    rows = [good.replace(b"Ana", each) for each in (name, b"A\xf1a", name[:-1], b'"\xe2\n"', b'"\xff"x')]
    outcome = judge(header + b"".join(rows) + good.replace(b"Ana", name * 2))
    assert (outcome.encoding, counts(outcome)) == ("utf-8", (6, 0, 0, 4, 2))
    assert [(row.reasons, row.line) for row in outcome.rejected] == [
        ("row:not_utf8", 3),
        ("row:not_utf8", 4),
        ("row:not_utf8", 5),
        ("row:malformed_quotes", 7),
    ]
    shown = [row.record for row in outcome.rejected]
    assert shown[0] == "1,A\\xf1a" + GOOD[5:-1]
    assert shown[1] == "1,Peña Núñez \\xe2\\x82" + GOOD[5:-1]
    assert shown[3] == '1,"\\xff"x' + GOOD[5:-1]
    # with as many as there are characters of several bytes it is another encoding
    assert judge(header + good.replace(b"Ana", "ñ".encode() + b"\xff")).encoding == "windows-1252"
    assert judge(header + good.replace(b"Ana", "ññ".encode() + b"\xff")).encoding == "utf-8"
    extra = judge(b"N\xf1," + header + b"\xc3\xb1\xc3\xb1," + good)
    assert (extra.encoding, extra.extra_columns, extra.rows_published) == ("utf-8", ["N\\xf1"], 1)


def test_utf_16_and_gzip() -> None:
    data = b"\xfe\xff" + (HEADER + GOOD).encode("utf-16-be")
    assert judge(data).encoding == "utf-16"
    members = gzip.compress(data[:33], mtime=0) + gzip.compress(data[33:], mtime=0)
    assert judge(members, compressed=True) == judge(data)
    assert judge(data).published == [ANA]


@pytest.mark.parametrize(
    ("data", "compressed", "problem"),
    [
        (b"", False, "empty"),
        (b"", True, "empty"),
        (b"\xef\xbb\xbf \t\r\n", False, "empty"),
        (b"\xff\xfe", False, "empty"),
        (b"\n\0", False, "not_text"),
        (b"\xff\xfea", False, "not_text"),
        (b"\xff\xfe\x00\xd8", False, "not_text"),
        (HEADER.encode() + GOOD.encode() + b"\0", False, "not_text"),
        (HEADER.encode(), True, "not_text"),
        (gzip.compress(HEADER.encode(), mtime=0)[:-1], True, "not_text"),
        (gzip.compress(HEADER.encode(), mtime=0) + b"x", True, "not_text"),
    ],
)
def test_not_even_a_header(data: bytes, compressed: bool, problem: str) -> None:
    assert judge(data, compressed=compressed) == Outcome(
        "invalid", problem, None, None, None, None, 0, 0, 0, 0, 0, None, [], [], []
    )


def test_an_empty_column_and_the_share_of_rejects() -> None:
    no_name = GOOD.replace("Ana", "null")
    empty = judge_text(HEADER + no_name + "1,2\n")
    assert (empty.problem, counts(empty)) == ("empty_column", (2, 0, 0, 2, 0))
    assert empty.nulls is not None
    assert empty.nulls["client_name"] == 1

    half = (HEADER + no_name + GOOD).encode()
    assert judge(half).verdict == "valid_with_rejects"
    strict = judge(half, max_reject_share=Decimal("0.49"))
    assert (strict.problem, counts(strict)) == ("reject_share", (2, 0, 0, 1, 1))


def test_star() -> None:
    monday = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    tuesday = datetime(2026, 3, 3, 0, 30, tzinfo=UTC)
    delivered = ANA._replace(status="delivered", client_name="A")
    renamed = ANA._replace(order_id=11, client_name="\uffff", point_of_sale_channel="B2B")
    emoji = renamed._replace(client_name="\U0001f37a")  # greater in UTF-8, less in UTF-16
    again = ANA._replace(order_id=12)
    files = [
        FileRows("a", tuesday, [emoji, renamed, again]),
        FileRows("c", monday, [ANA, delivered, again]),
        FileRows("b", monday, [ANA._replace(client_id=9, product_price=Decimal(3))]),
        FileRows("z", tuesday, []),
    ]
    tables = star(files, {"Retail": 7, "B2B": 8}.__getitem__)

    assert tables == star(reversed(files), {"Retail": 7, "B2B": 8}.__getitem__)
    assert tables.dim_clients == {
        1: ("\U0001f37a", monday, tuesday, "a", tuesday, None),
        9: ("Ana", monday, monday, "b", monday, None),
    }
    assert tables.dim_products == {100: ("Lager", Decimal("2.5"), Decimal("0.33"), monday, tuesday, "a", tuesday, None)}
    assert tables.dim_status == {1: "created", 2: "delivered", 3: "broken"}
    assert tables.dim_channels == {7: "Retail", 8: "B2B"}
    price, total, volume = Decimal("2.5"), Decimal(15), Decimal("1.98")
    assert tables.fact_orders == {
        (10, 100): (1, 2, 7, price, 6, total, volume, monday, monday, date(2026, 3, 2), "c", monday, None),
        (11, 100): (1, 1, 8, price, 6, total, volume, tuesday, tuesday, date(2026, 3, 3), "a", tuesday, None),
        (12, 100): (1, 1, 7, price, 6, total, volume, monday, tuesday, date(2026, 3, 2), "a", tuesday, None),
    }


@pytest.mark.property
@settings(max_examples=examples(1_000), deadline=None)
@given(orders_files())
def test_the_four_counts_add_up(file: HostileFile) -> None:
    outcome = judge(file.data, compressed=file.compressed)
    assert outcome.rows_read == (
        outcome.rows_published + outcome.rows_duplicate + outcome.rows_rejected + outcome.rows_withheld
    )
    assert outcome.rows_published == len(set(outcome.published))
    assert outcome.rows_rejected == len(outcome.rejected)
    assert (outcome.verdict == "invalid") == (outcome.problem is not None)
    assert not (outcome.problem and outcome.published)
