"""A pipe closed by its reader (`duff files | head`) is not a failure: the remaining output is discarded.

Commands that work go on, as what they do is wanted all the same. Those that do nothing but tell much end there.
"""

import io
import os
import sys

_ends = False


def end_when_closed() -> None:
    """This command does nothing but tell: once nobody reads, it ends, with exit code 0."""
    global _ends  # noqa: PLW0603 – a process runs one command
    _ends = True


def watch_stdout() -> None:
    """From now on a closed pipe behind standard output raises no error."""
    out = sys.stdout
    try:
        descriptor = out.fileno()
    except (AttributeError, OSError):  # there is none, or a test's
        return
    if isinstance(out, io.TextIOWrapper):
        out.flush()
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(_Listener(descriptor)),
            encoding=out.encoding,
            errors="backslashreplace",  # a character that the terminal lacks is no reason to fail
            newline=None,
            line_buffering=out.line_buffering,
            write_through=out.write_through,
        )


class _Listener(io.RawIOBase):
    """A file descriptor to write to; once its reader is gone, what is written goes nowhere."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._gone = False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: object) -> int:
        view = memoryview(data)  # type: ignore[arg-type] # whatever has bytes
        if not self._gone:
            try:
                return os.write(self._descriptor, view)
            except BrokenPipeError:
                self._gone = True
                if _ends:
                    raise SystemExit(0) from None
        return view.nbytes
