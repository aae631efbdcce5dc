"""`duff` run in this process, and what its tests share."""

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

from duff_orders.cli import main as cli
from duff_orders.contract import COLUMN_NAMES
from tests.effort import PATIENCE

SAMPLES = Path(__file__).parents[2] / "samples"
FIRST, DIRTY, BROKEN = (SAMPLES / name for name in ("01-orders.csv", "03-dirty.csv", "05-missing-column.csv"))
HEADER = ",".join(COLUMN_NAMES)
LINE = "1,Moe,{order},1,Duff,2.50,6,0.33,Retail,created"
TOTALS = "select order_id, total_price, client_name from tbl_duff_orders order by order_id"
PRICE, UNITS = Decimal("99999999.9999"), 2**31 - 1


@dataclass(frozen=True)
class Result:
    """What a user gets: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The JSON documents printed, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


def duff(*arguments: object, stdin: bytes = b"", **environ: str) -> Result:
    """Run `duff` in this process, without DUFF_* variables but those given."""
    given = {name: value for name, value in os.environ.items() if not name.startswith("DUFF_")}
    with (
        patch.dict(os.environ, {**given, "COLUMNS": "100", **environ}, clear=True),
        patch.object(sys, "argv", ["duff", *map(str, arguments)]),
        patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")),
        contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")) as out,
        contextlib.redirect_stderr(io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")) as err,
    ):
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read())
    return Result(code, *texts)


def write(path: Path, *lines: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("\n".join((header, *lines, "")).encode(encoding))
    return path


def contents(lake: Path) -> dict[str, bytes]:
    """Every object of a lake, to compare it before and after."""
    return {
        path.relative_to(lake).as_posix(): path.read_bytes()
        for folder in ("raw", "processed")
        for path in (lake / folder).rglob("*")
        if path.is_file()
    }


def ids(lake: Path) -> dict[str, str]:
    """The file_id of each source_file."""
    return {row["source_file"]: row["file_id"] for row in duff("files", "--json", "--lake", lake).documents}


def count(lake: Path, table: str) -> int:
    [row] = json.loads(duff("query", f"select count(*) as n from {table}", "--format", "json", "--lake", lake).out)
    return int(row["n"])


def shell(command: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run a line in a shell, in which `$DUFF` is the command."""
    given = {**os.environ, "DUFF": f"{sys.executable} -m duff_orders"}
    return subprocess.run(
        ["bash", "-c", command], env=given, capture_output=True, text=True, check=False, timeout=PATIENCE, **options
    )
