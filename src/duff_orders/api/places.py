"""How many requests run or wait at once: slots per caller, and a few reserved for callers without a key."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from duff_orders.api.problems import Problem

#: Requests at once: of all who have a key, or of all where none is needed; of one of several with a key; of who has
#: none, and of these that say what they have in a body.
AT_ONCE, OF_ONE, OF_STRANGERS, BODIES_OF_STRANGERS = 64, 24, 16, 8


class Places:
    """The requests in progress, by caller."""

    def __init__(self) -> None:
        self.of: Counter[str] = Counter()

    @contextmanager
    def taken(self, caller: str | None, *, known: bool, body: bool) -> Iterator[None]:
        """One place of a caller's; `known`: with a key, or where none is needed. Raises Problem where all are taken."""
        if known:
            kind, most = f"caller {caller or ''}", OF_ONE if caller else AT_ONCE
            taken = sum(number for each, number in self.of.items() if each.startswith("caller"))
            if taken >= AT_ONCE:
                most = 0
        else:
            kind, most = ("bodies", BODIES_OF_STRANGERS) if body else ("strangers", OF_STRANGERS)
        if self.of[kind] >= most:
            headers = {"Retry-After": "1"}
            if not known:
                headers["Connection"] = "close"  # what is in line behind it ends, too
            raise Problem("busy", "as many requests are under way as may; ask again", headers=headers)
        self.of[kind] += 1
        try:
            yield
        finally:
            self.of[kind] -= 1
            if not self.of[kind]:
                del self.of[kind]
