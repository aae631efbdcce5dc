"""`duff`: the command line. Each command is thin: it reads options, calls the Python API and prints the result."""

import errno
import io
import os
import sys

from typer.models import CommandInfo

from duff_orders.cli import ask, aws, calendar, ingest, partners, pipe, serve, upkeep  # noqa: F401 – they add their commands to `app`
from duff_orders.cli.interrupt import EXIT_CODE, is_interrupted
from duff_orders.cli.options import app
from duff_orders.errors import DuffError, EngineError, InputError, MissingPackage, SettingsError
from duff_orders.printable import printable

__all__ = ["app", "main"]

#: The commands as the help lists them.
GROUPS = {
    "Files": ("run", "watch", "expected", "proof", "files", "rejects", "give-up", "replay", "profile", "partner"),
    "Questions": ("query", "serve", "schema"),
    "Upkeep": ("check", "proof", "repair", "models", "generate"),
    "A deployment on AWS": ("package", "deploy", "upload", "status", "rollback", "cost", "destroy"),
}
_ORDER = [name for names in GROUPS.values() for name in names]


def _name(command: CommandInfo) -> str:
    return command.name or str(getattr(command.callback, "__name__", ""))


app.registered_commands.sort(key=lambda command: _ORDER.index(_name(command)))
for _command in app.registered_commands:
    _command.rich_help_panel = next(group for group, names in GROUPS.items() if _name(_command) in names)


def main() -> None:
    """Run `duff`; a user's mistake is reported in one sentence, never as a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a character that the terminal lacks is no reason to fail
    pipe.watch_stdout()
    try:
        app(prog_name="duff")
    except (SettingsError, InputError) as error:
        _fail(str(error), 2)
    except EngineError as error:
        _fail(f"the engine failed: {error}\n`duff check` shows what is damaged; --memory raises the limit")
    except DuffError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except ModuleNotFoundError as error:
        _fail(str(MissingPackage(error.name or str(error))), 2)


def _fail(message: str, code: int = 1) -> None:
    if is_interrupted():
        raise SystemExit(EXIT_CODE)
    if os.strerror(errno.EMFILE) in message:
        message = f"{message.splitlines()[0]}\n`ulimit -n 4096` allows a process as many open files"
    print("duff: " + "\n".join(map(printable, message.splitlines())), file=sys.stderr)
    raise SystemExit(code)
