"""Sessions of the pages: a browser shows a key once, not with each page. They end with the process."""

import hashlib
import secrets
import threading
import time
from dataclasses import dataclass, field

#: The cookie that holds a session's token, and the seconds for which it is good.
COOKIE, SESSION = "duff-session", 12 * 3600
#: Sessions at once; beyond them the oldest ends.
MOST = 1000


@dataclass(slots=True)
class Sessions:
    """Who has a session, by the SHA-256 of its token: a copy of the memory opens no door."""

    _of: dict[str, tuple[str, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, caller: str) -> str:
        """A new session of a caller's; its token."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._of[_hash(token)] = caller, time.monotonic() + SESSION
            while len(self._of) > MOST:
                del self._of[next(iter(self._of))]
        return token

    def caller(self, token: str) -> str | None:
        """Whose session this is; None where it is none, or has ended."""
        session = self._of.get(_hash(token)) if token else None
        return session[0] if session is not None and time.monotonic() < session[1] else None

    def end(self, token: str) -> None:
        """End a session."""
        with self._lock:
            self._of.pop(_hash(token), None)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
