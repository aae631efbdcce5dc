"""Every option of duff-orders, read in one place: arguments first, then the environment, then the defaults."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal, cast, get_args

from duff_orders.contract import DEFAULT_MAX_REJECT_SHARE
from duff_orders.errors import SettingsError
from duff_orders.messages import Engine

KIB, MIB, GIB = 2**10, 2**20, 2**30
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": KIB, "MIB": MIB, "GIB": GIB}
EngineChoice = Literal["auto", "duckdb", "spark"]
MINIMUM_MEMORY = 256 * 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What can be set.

    `engine` works on a file: duckdb, spark, or auto, which gives files of `threshold` bytes and more to Spark where
    a `master` other than this machine (spark://HOST:PORT, yarn, ...) is named. `memory` is what the whole process
    may take, in bytes; `threads` of the engine, 0 for one a core; `workers` is the number of files processed at
    once; `max_reject_share` the share of rejected records above which a file is invalid; `settle` the seconds for
    which a file must not have changed before it counts as whole; `grace` the seconds for which objects that nothing
    names any more are kept for readers that may still use them.
    """

    lake: Path = Path("lake")
    engine: EngineChoice = "auto"
    master: str = "local[*]"
    threshold: int = 100 * 10**6
    memory: int = 10**9
    threads: int = 0
    workers: int = 2
    max_reject_share: Decimal = Decimal(DEFAULT_MAX_REJECT_SHARE)
    settle: float = 1.0
    grace: float = 3600.0
    retries: int = 2

    def engine_for(self, size: int) -> Engine:
        """The engine for a file of `size` bytes.

        Where it is not given: Spark from the threshold on, if a cluster is named. One machine alone does not get
        faster by it, and DuckDB works out of core.
        """
        if self.engine != "auto":
            return self.engine
        return "spark" if size >= self.threshold and not self.master.startswith("local") else "duckdb"

    def __post_init__(self) -> None:
        if self.memory < MINIMUM_MEMORY:
            raise SettingsError(f"memory is {self.memory} bytes; the least that works is 256MB")
        if not self.max_reject_share.is_finite() or not 0 <= self.max_reject_share <= 1:
            raise SettingsError(f"max_reject_share is {self.max_reject_share}; allowed is 0 to 1")
        for name in ("threads", "settle", "grace", "retries"):
            if not 0 <= getattr(self, name) <= 10**6:
                raise SettingsError(f"{name} is {getattr(self, name)}; allowed is 0 to 1000000")
        if self.workers < 1:
            raise SettingsError(f"workers is {self.workers}; at least 1 is needed")

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ, **given: object) -> "Settings":
        """Settings from arguments (None counts as not given), then `DUFF_*` variables, then defaults.

        Raises SettingsError naming the option and what is allowed.
        """
        values: dict[str, object] = {}
        for name, parse in _PARSERS.items():
            if given.get(name) is not None:
                source, raw = f"--{name.replace('_', '-')}", given[name]
            elif environ.get(variable := f"DUFF_{name.upper()}"):
                source, raw = variable, environ[variable]
            else:
                continue
            try:
                values[name] = parse(str(raw))
            except InvalidOperation:
                raise SettingsError(f"{source} is {str(raw)!r}, which is no number") from None
            except ValueError as error:
                raise SettingsError(f"{source} is {str(raw)!r}: {error}") from None
        return cls(**values)  # type: ignore[arg-type] # the parsers give each field its type


def parse_size(text: str) -> int:
    """Bytes of a size such as `1GB`, `512MiB` or `1000000`; raises ValueError."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMG]I?B|B)?\s*", text.upper())
    if not match:
        raise ValueError("allowed are a number and a unit, such as 512MB, 1GB or 2GiB")
    return int(Decimal(match[1]) * _UNITS[match[2] or ""])


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("allowed is a whole number") from None


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("allowed is a number of seconds, such as 1.5") from None


def _engine(text: str) -> EngineChoice:
    if text not in get_args(EngineChoice):
        raise ValueError(f"allowed are {', '.join(get_args(EngineChoice))}")
    return cast(EngineChoice, text)


_PARSERS: dict[str, Callable[[str], object]] = {
    "lake": Path,
    "engine": _engine,
    "master": str,
    "threshold": parse_size,
    "memory": parse_size,
    "threads": _whole,
    "workers": _whole,
    "max_reject_share": Decimal,
    "settle": _seconds,
    "grace": _seconds,
    "retries": _whole,
}
