"""A profile as TOML: of one that was put together on a page, and as a draft of one, to be filled in."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from duff_orders.contract import CONTRACT
from duff_orders.profiles.profile import Expected, Profile

#: Where editors find what a profile may say.
SCHEMA_LINE = "#:schema duff-profile.json"


class Seen(NamedTuple):
    """A column that stands in a file: its name there, a few of its texts, and the column whose own name it has."""

    name: str
    texts: Sequence[str]
    column: str | None


def written(profile: Profile) -> str:
    """The text of a profile, which `load` reads as this very one."""
    return "\n".join((SCHEMA_LINE, *_lines(profile), ""))


def _lines(profile: Profile) -> Iterator[str]:
    yield f"prefix = {_text(profile.prefix)}"
    if profile.max_reject_share is not None:
        yield f"max_reject_share = {_text(str(profile.max_reject_share))}"
    if profile.required:
        yield f"require = {_list(profile.required)}"
    file = {
        "delimiter": _text(profile.delimiter) if profile.delimiter else None,
        "ignore": _list(profile.ignored) if profile.ignored else None,
        "extra_columns": _text("refuse") if profile.refuses_others else None,
    }
    numbers = {
        "decimal_mark": _text(profile.decimal_mark) if profile.decimal_mark else None,
        "thousands_mark": _text(profile.thousands_mark) if profile.thousands_mark else None,
    }
    headers = {
        column: _list(names) if len(names) > 1 else _text(names[0])
        for column, names in profile.headers.items()
        if names
    }
    yield from _table("file", file)
    yield from _table("numbers", numbers)
    yield from _table("headers", headers)
    for column, words in profile.values.items():
        yield from _table(f"values.{column}", {_text(word): _text(value) for word, value in words.items()})
    yield from _table("defaults", {column: _text(value) for column, value in profile.defaults.items()})
    yield from _table("notify", {"email": _text(profile.email) if profile.email else None})
    if profile.expected:
        yield from expect_lines(profile.expected)


def expect_lines(expected: Expected) -> Iterator[str]:
    """The table of a calendar."""
    return _table(
        "expect",
        {
            "zone": _text(expected.zone),
            "days": _list(expected.days),
            "by": _text(f"{expected.by:%H:%M}"),
            "grace_minutes": str(expected.grace_minutes),
            "files": str(expected.files),
            "except": _list(day.isoformat() for day in expected.except_) if expected.except_ else None,
            "since": _text(expected.since.isoformat()) if expected.since else None,
        },
    )


def draft(prefix: str, delimiter: str, seen: Sequence[Seen]) -> str:
    """A profile to be filled in, by what stands in a file: nothing is chosen in it but names that are exact."""
    own = {each.column for each in seen if each.column}
    lines = [
        SCHEMA_LINE,
        "# Fill in what is missing; `duff profile check` tries it on files, `duff profile put` lets it hold.",
        f"prefix = {_text(prefix)}  # the keys that it is for begin so; it ends in / - _ or .",
        "",
        "[file]",
        f"delimiter = {_text(delimiter)}",
        "# ignore = []  # columns that are known and not needed",
        "",
        "# [numbers]",
        '# decimal_mark = ","',
        '# thousands_mark = "."',
        "",
        "# The columns of the file, with their first texts:",
        *(f"#   {_text(each.name)}: {_shown(each.texts)}" for each in seen if not each.column),
        "[headers]",
        *(
            f'# {column.name} = ""  # {column.comment}'
            for column in CONTRACT.columns
            if column.name not in own and column.required
        ),
    ]
    for column in CONTRACT.columns:
        if column.words:
            lines += ["", f"# [values.{column.name}]", '# "their word" = "ours"']
    lines += ["", "# [defaults]  # of columns that the file has no header for", ""]
    return "\n".join(lines)


def _shown(texts: Sequence[str]) -> str:
    return " | ".join(json.dumps(each, ensure_ascii=False)[1:-1] for each in texts) or "nothing"


def _table(name: str, entries: Mapping[str, str | None]) -> Iterator[str]:
    said = {key: value for key, value in entries.items() if value is not None}
    if said:
        yield from ("", f"[{name}]", *(f"{key} = {value}" for key, value in said.items()))


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, texts))}]"


def _text(text: str) -> str:
    # what JSON writes is TOML, too
    return json.dumps(text, ensure_ascii=False)
