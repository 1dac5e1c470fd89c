"""Log the first few lines of each kind and count the others, so that refusals cannot fill the disk."""

import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field

EACH_MOST = 10
ALL_MOST = 500
WINDOW_S = 10.0


@dataclass(slots=True)
class _Kind:
    about: Mapping[str, object]
    lines: int = 0
    more: int = 0


@dataclass(slots=True)
class Folding:
    """Counts lines in windows of time. Kinds come from the program's own text, so there are few."""

    now_s: Callable[[], float]
    each_most: int = EACH_MOST
    """Lines of one kind in a window."""
    all_most: int = ALL_MOST
    """Lines in a window."""
    window_s: float = WINDOW_S
    _kinds: dict[Hashable, _Kind] = field(default_factory=dict)
    _lines: int = 0
    _since_s: float | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def admits(self, kind: Hashable, about: Mapping[str, object]) -> bool:
        """Whether to write this line. `about`: what the line with the count says besides."""
        with self._lock:
            if self._since_s is None:
                self._since_s = self.now_s()
            seen = self._kinds.setdefault(kind, _Kind(about))
            if seen.lines >= self.each_most or self._lines >= self.all_most:
                seen.more += 1
                return False
            seen.lines += 1
            self._lines += 1
            return True

    def folded(self, *, at_once: bool = False) -> list[dict[str, object]]:
        """What was folded in the window that has ended, by kind; with `at_once` the window ends now."""
        with self._lock:
            if self._since_s is None:
                return []
            took_s = self.now_s() - self._since_s
            if took_s < self.window_s and not at_once:
                return []
            ended, self._kinds = self._kinds, {}
            self._lines, self._since_s = 0, None
        return [{**seen.about, "more": seen.more, "in_s": round(took_s, 1)} for seen in ended.values() if seen.more]
