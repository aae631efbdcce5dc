"""The CSV grammar of the contract's section 1, record by record."""

import pytest

from duff_orders.ingest.csv_grammar import Grammar, Record

MALFORMED, UNCLOSED = "malformed_quotes", "unclosed_quote"


def records(data: bytes, delimiter: str = ",") -> list[Record]:
    grammar, position, found = Grammar(delimiter), 0, []
    while (start := grammar.skip_blank(data, position, final=True)) is not None and start < len(data):
        record = grammar.read(data, start, final=True)
        assert record is not None
        found.append(record)
        position = record.next
    return found


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        (b"a,b", [b"a", b"b"]),
        (b"a,b\n", [b"a", b"b"]),
        (b"a,b\r\n", [b"a", b"b"]),
        (b"a,,\n", [b"a", b"", b""]),
        (b" a , b \n", [b" a ", b" b "]),
        (b'"a,b",c\n', [b"a,b", b"c"]),
        (b'"a\nb",c\n', [b"a\nb", b"c"]),
        (b'"say ""hi""",c\n', [b'say "hi"', b"c"]),
        (b'  "a"  ,c\n', [b"a", b"c"]),
        (b'a "b" c,d\n', [b'a "b" c', b"d"]),
        (b'\t"a",b\n', [b'\t"a"', b"b"]),
        (b"a\rb,c\n", [b"a\rb", b"c"]),
        (b'"a\\",b\n', [b"a\\", b"b"]),
        (b'"a" \r\n', [b"a"]),
        (b'""\n', [b""]),
    ],
)
def test_fields(data: bytes, fields: list[bytes]) -> None:
    (record,) = records(data)
    assert (record.fields, record.wrong, record.next) == (fields, None, len(data))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b'"a"b,c\nd', b'"a"b,c'),
        (b'x,"a" "b"\r\nd', b'x,"a" "b"'),
        (b'"a\nb"c\nd', b'"a\nb"c'),
        (b'"a"\t,b\nd', b'"a"\t,b'),
    ],
)
def test_a_letter_behind_a_closing_quote_makes_the_record_malformed_up_to_the_line_end(
    data: bytes, text: bytes
) -> None:
    wrong, next_one = records(data)
    assert (wrong.text, wrong.fields, wrong.wrong) == (text, None, MALFORMED)
    assert next_one.fields == [b"d"]


def test_a_quote_that_never_closes_takes_the_rest() -> None:
    first, last = records(b'a\n"b\nc\n')
    assert first.fields == [b"a"]
    assert (last.text, last.fields, last.wrong) == (b'"b\nc\n', None, UNCLOSED)


def test_blank_lines_are_no_records() -> None:
    assert [record.fields for record in records(b"\n \t\r\na\n\n\t\nb\n  ")] == [[b"a"], [b"b"]]
    assert [record.fields for record in records(b"\t\n\t\ta\n", "\t")] == [[b"", b"", b"a"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_what_is_written_is_read_again(delimiter: str) -> None:
    fields = [b"a", b"", b'"', b"x" + delimiter.encode() + b"y", b"line\r\nbreak", b" s "]
    line = Grammar(delimiter).write(fields)
    assert [record.fields for record in records(line + line, delimiter)] == [fields, fields]


def test_more_data_is_waited_for_wherever_a_block_ends() -> None:
    data = b' \r\n"a ""b""\r\nc" ,d\r\n"e"f\r\n\ng,"h"\r\n'
    whole = records(data)
    assert [record.wrong for record in whole] == [None, MALFORMED, None]
    for cut in range(len(data)):
        grammar, position, found = Grammar(","), 0, []
        for seen, final in ((data[:cut], False), (data, True)):
            while True:
                start = grammar.skip_blank(seen, position, final=final)
                if start is None or start == len(seen) or (record := grammar.read(seen, start, final=final)) is None:
                    break
                found.append(record)
                position = record.next
        assert found == whole, cut
