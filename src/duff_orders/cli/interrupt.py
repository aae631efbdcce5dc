"""Ctrl-C: the process ends within a second, with exit code 130 and no traceback, whatever it is doing.

The main thread gets Python's KeyboardInterrupt and may clean up. An engine may keep it from that for as long as a
query runs, so a thread of its own ends the process after a while. Nothing is lost by it: whatever comes before a
ledger row can be repeated, and what lies in scratch is swept by the next run.
"""

import os
import signal
import sys
import threading
import time

#: Seconds in which the main thread may clean up.
GRACE = 0.5
EXIT_CODE = 130  # 128 and the number of the signal, as shells have it

_told = 0
_own = 0


def end_on_interrupt() -> None:
    """From now on Ctrl-C ends this process. To be called once, by the main thread."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    # the signal's number is written at once, even while the main thread is deep in an engine
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_listen, args=(reader,), name="interrupt", daemon=True).start()


def leave_first_to_command() -> None:
    """The first Ctrl-C is for a handler of the command's own; the second ends the process."""
    global _own  # noqa: PLW0603 – signals belong to the process
    _own = 1


def is_interrupted() -> bool:
    """Whether the process is about to end because of Ctrl-C: whatever fails now, fails by it."""
    return _told > _own


def _listen(reader: int) -> None:
    global _told  # noqa: PLW0603 – signals belong to the process
    while not is_interrupted():
        _told += os.read(reader, 1)[0] == signal.SIGINT
    time.sleep(GRACE)
    if sys.stderr is not None and sys.stderr.isatty():
        os.write(2, b"\x1b[?25h\r\n")  # a progress bar hides the cursor
    os._exit(EXIT_CODE)
