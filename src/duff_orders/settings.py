"""Every option of duff-orders, read in one place: arguments first, then the environment, then the defaults."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from duff_orders.errors import SettingsError
from duff_orders.registry import ENGINES

KIB, MIB, GIB = 2**10, 2**20, 2**30
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": KIB, "MIB": MIB, "GIB": GIB}
#: What the setting `engine` may be: an engine, or the one that suits a file.
CHOICES = ("auto", *ENGINES)
#: Names that settings had, which are still read.
FORMER = {"stack": "deployment", "prefix": "deployment"}
MINIMUM_MEMORY = 256 * 10**6


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


def _switch(text: str) -> bool:
    if text not in ("on", "off"):
        raise ValueError("allowed are on and off")
    return text == "on"


def _engine(text: str) -> str:
    if text not in CHOICES:
        raise ValueError(f"allowed are {', '.join(CHOICES)}")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """What is known of a setting: how its text is read, and what the command line and the documents say of it.

    `default` is written as a user would; `on_command_line` says whether a command has an option for it.
    """

    parse: Callable[[str], object]
    default: str
    metavar: str
    about: str
    on_command_line: bool = True


def _setting(
    parse: Callable[[str], object], default: str, metavar: str, about: str, *, on_command_line: bool = True
) -> Any:
    option = Option(parse=parse, default=default, metavar=metavar, about=about, on_command_line=on_command_line)
    return field(default=parse(default), metadata={"option": option})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What can be set: `options` describes each. Sizes are in bytes, times in seconds."""

    lake: Path = _setting(Path, "lake", "DIR", "the lake's folder")
    deployment: str = _setting(
        str,
        "",
        "NAME",
        "a deployment on AWS instead: `acme` is that of `acme-duff-orders-raw`, `duff-orders` the one without a prefix",
    )
    engine: str = _setting(
        _engine,
        "auto",
        "ENGINE",
        "`duckdb`, `spark`, or `auto`: files from `threshold` on go to Spark where a `master` other than this machine "
        "is named",
    )
    master: str = _setting(
        str,
        "local[*]",
        "URL",
        "the Spark master: `spark://HOST:PORT`, `yarn`, …; `local[*]` is this machine with all its cores",
    )
    threshold: int = _setting(
        parse_size, "100MB", "SIZE", "the size from which a file goes to Spark under `auto`", on_command_line=False
    )
    memory: int = _setting(
        parse_size,
        "1GB",
        "SIZE",
        "what the whole process may take: a number and `KB`, `MB`, `GB`, `KiB`, `MiB` or `GiB`; at least 256MB",
    )
    threads: int = _setting(_whole, "0", "N", "threads of the engine; 0 is one per core", on_command_line=False)
    workers: int = _setting(_whole, "2", "N", "files processed at once")
    max_reject_share: Decimal = _setting(
        Decimal, "0.5", "SHARE", "a file with a greater share of rejected rows is invalid"
    )
    settle: float = _setting(
        _seconds, "1", "SECONDS", "seconds for which a file must not have changed before `watch` takes it"
    )
    grace: float = _setting(
        _seconds,
        "3600",
        "SECONDS",
        "seconds for which replaced objects are kept, for readers that still use them",
        on_command_line=False,
    )
    retries: int = _setting(
        _whole, "2", "N", "how often a failure is tried again before the verdict is `failed`", on_command_line=False
    )

    api_keys: str = _setting(
        str,
        "",
        "KEYS",
        "who may ask `duff serve`: `NAME:SHA256` of each key, more after a comma; without any, this machine alone",
        on_command_line=False,
    )
    admin_keys: str = _setting(
        str,
        "",
        "NAMES",
        "the names of those `api_keys` whose holders may change profiles and take files up again, a comma between "
        "them; without any keys, this machine may",
        on_command_line=False,
    )
    queries: bool = _setting(_switch, "off", "on|off", "whether `duff serve` takes SQL from its callers")

    @classmethod
    def options(cls) -> dict[str, Option]:
        """What is known of each setting, by its name."""
        return {each.name: each.metadata["option"] for each in fields(cls)}

    def engine_for(self, size: int) -> str:
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
    def load(cls, environ: Mapping[str, str] = os.environ, **options: object) -> "Settings":
        """Settings from arguments (None counts as not given), then `DUFF_*` variables, then defaults.

        Raises SettingsError naming the option and what is allowed.
        """
        values: dict[str, object] = {}
        for name, option in cls.options().items():
            if options.get(name) is not None:
                source, raw = f"--{name.replace('_', '-')}", options[name]
            elif variable := next((each for each in _variables(name) if environ.get(each)), ""):
                source, raw = variable, environ[variable]
            else:
                continue
            try:
                values[name] = option.parse(str(raw))
            except InvalidOperation:
                raise SettingsError(f"{source} is {str(raw)!r}, which is no number") from None
            except ValueError as error:
                raise SettingsError(f"{source} is {str(raw)!r}: {error}") from None
        return cls(**values)  # type: ignore[arg-type] # the parsers give each field its type


def _variables(name: str) -> tuple[str, ...]:
    """The variables of a setting: its own, and that of a name that it had."""
    return (f"DUFF_{name.upper()}", *(f"DUFF_{old.upper()}" for old, new in FORMER.items() if new == name))
