"""The engines that exist: the folders of `engines/`, each loaded when it is first needed.

Whoever needs an engine asks for it by its name, here; `engines.base.Engine` says what each is. So the other engines
need not even be installed, and nothing below knows one of them.
"""

import pkgutil
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

_PACKAGE = f"{__package__}.engines"
#: Their names.
ENGINES: tuple[str, ...] = tuple(
    sorted(each.name for each in pkgutil.iter_modules([str(Path(__file__).with_name("engines"))]) if each.ispkg)
)


@cache
def engine(name: str) -> Any:
    """The engine of a name, of `ENGINES`."""
    return import_module(f"{_PACKAGE}.{name}").ENGINE
