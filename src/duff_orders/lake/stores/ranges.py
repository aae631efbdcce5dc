"""Large objects read in parts, a few at once: each part has its own retries and timeout."""

import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from duff_orders.settings import MIB

#: Bytes of a part, and how many are asked for at once: so much memory is taken.
PART, AT_ONCE = 8 * MIB, 4
#: How often a part is asked for, with pauses of up to so many seconds.
TRIES, LONGEST_PAUSE = 6, 30.0

#: Gives the bytes from a place up to another; raises OSError, or what the client raises.
Read = Callable[[int, int], bytes]


def in_parts(read: Read, size: int, *, final: tuple[type[Exception], ...] = ()) -> Iterator[bytes]:
    """The bytes of an object of `size` bytes, in order, in blocks.

    A part that fails, or comes cut, is asked for again, but for errors that are `final`; the last error is raised.
    """
    waiting: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="parts") as pool:
        try:
            for start in range(0, size, PART):
                if len(waiting) == AT_ONCE:
                    yield waiting.popleft().result()
                waiting.append(pool.submit(_patiently, read, start, min(start + PART, size), final))
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()


def _patiently(read: Read, start: int, end: int, final: tuple[type[Exception], ...]) -> bytes:
    """One part."""
    for tried in range(1, TRIES + 1):
        try:
            data = read(start, end)
            if len(data) == end - start:
                return data
            raise OSError(f"{len(data)} bytes came of the {end - start} from byte {start} on")
        except final:
            raise
        except Exception:  # of the client's many classes none says whether it may pass
            if tried == TRIES:
                raise
        time.sleep(random.uniform(0, min(2.0**tried, LONGEST_PAUSE)))
    raise AssertionError("unreachable")
