"""The live session of a pair."""

from __future__ import annotations

import atexit
import json
import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn

from ._errors import ClosedError, UsageError
from ._reports import SyncReport

if TYPE_CHECKING:
    from ._session import Session


class Run:
    """A live session: what happens on one side is on the other a moment later.

    A context manager. It works on a thread of its own, which also calls the functions it was given. `stop` ends it and
    waits; leaving the block does the same. What ended it, a function of yours that raised say, surfaces there; where the
    block raised something of its own, it is logged instead. Meanwhile the methods of the `Session`, and any other one of
    the pair, are carried out by it.
    """

    def __init__(
        self,
        session: Session,
        on_cycle: Callable[[SyncReport], object] | None,
        on_ready: Callable[[], object] | None,
        on_wait: Callable[[str], object] | None,
    ) -> None:
        self._session = session
        self._on_cycle = on_cycle
        self._on_ready = on_ready
        self._on_wait = on_wait
        self._changed = threading.Condition()
        self._ready = False
        self._ended = False
        self._last: SyncReport | None = None
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        """Whether it works."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def last(self) -> SyncReport | None:
        """The last cycle that did something or met something."""
        return self._last

    def wait_ready(self, timeout: float | None = None) -> bool:
        """Waits until both folders are there and looked after, and says whether they are.

        Raises what ended the run, if it ended.
        """
        if self._thread is None:
            raise UsageError("this run has not begun: enter its `with` block first")
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._ended, timeout)
        self._raise()
        return self._ready

    def stop(self) -> None:
        """Ends it at its next safe point, waits until it has ended, and raises what had ended it before."""
        if self._thread is threading.current_thread():
            self._raw_stop()
            return
        self._end()
        atexit.unregister(self._end)
        self._raise()

    def _raw_stop(self) -> None:
        # Not what other threads ask for with the same session.
        self._session._raw.stop_run()

    def _end(self) -> None:
        thread = self._thread
        while thread is not None and thread.is_alive():
            self._raw_stop()
            thread.join(0.1)

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _tell(self, what: str, words: str) -> None:
        if what == "cycle":
            report = SyncReport._of(json.loads(words))
            self._last = report
            if self._on_cycle is not None:
                self._on_cycle(report)
        elif what == "ready":
            with self._changed:
                self._ready = True
                self._changed.notify_all()
            if self._on_ready is not None:
                self._on_ready()
        elif self._on_wait is not None:
            self._on_wait(words)

    def _work(self) -> None:
        try:
            self._session._raw.run(self._tell)
        except BaseException as error:
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def __enter__(self) -> Run:
        if self._thread is not None:
            raise UsageError("this run was started before: ask the session for another")
        if self._session.closed:
            raise ClosedError("the session is closed")
        self._session._raw.can_run()
        self._thread = threading.Thread(target=self._work, name="bothways run", daemon=True)
        self._thread.start()
        # A thread that is torn down with the interpreter could not clean up.
        atexit.register(self._end)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.stop()
        except Exception as error:
            if value is None:
                raise
            # What the block raised says more; but this must not be lost.
            if error is not value:
                logging.getLogger("bothways").error("the session that ran had ended: %s", error, exc_info=error)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Run can be neither copied nor pickled")

    def __repr__(self) -> str:
        state = "running" if self.is_running else "not running"
        return f"<Run {state} of {self._session!r}>"
