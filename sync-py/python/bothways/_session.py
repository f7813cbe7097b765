"""The whole job: a pair of folders."""

from __future__ import annotations

import atexit
import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Union

from ._bothways import Plan, Policy, Progress, RawSession
from ._errors import ClosedError, UsageError
from ._policy import document
from ._reports import (
    CheckReport,
    ConflictList,
    ConflictView,
    ExplainReport,
    HistoryReport,
    PlanReport,
    ResolveReport,
    RestoreReport,
    ResyncReport,
    RunDetails,
    ScanReport,
    StatusReport,
    SyncReport,
    TrashList,
    UndoReport,
)
from ._times import nanoseconds

AnyPath = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
Tell = Callable[[Progress], object]


def _ns(time: datetime | int | None) -> int | None:
    """A moment as nanoseconds since 1970: an aware datetime, or those nanoseconds themselves."""
    if isinstance(time, datetime):
        return nanoseconds(time)
    if time is None or (isinstance(time, int) and not isinstance(time, bool)):
        return time
    raise TypeError(f"a moment is an aware datetime or nanoseconds since 1970, and not {type(time).__name__}")


def _texts(paths: AnyPath | Iterable[AnyPath] | None) -> list[str]:
    if paths is None:
        return []
    if isinstance(paths, (str, bytes, os.PathLike)):
        paths = [paths]
    return [_pattern(os.fsdecode(path)) for path in paths]


def _pattern(path: str) -> str:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{path!r} is no Unicode: name it by a pattern, such as `name*`") from None
    return path.replace("\\", "/") if os.sep == "\\" else path


class Session:
    """A pair of folders that are kept the same.

    `config` is a configuration: a file (TOML, JSON or YAML) or a mapping with the same keys. `left` and `right` name
    the folders instead, or besides. What is remembered of the pair lies in `state_dir`, or in the platform's place.

    Nothing is opened before it is needed, and nothing is held between two calls. While a session runs, in this process or
    another, other calls fail with `LockedError`. Every method may be called from any
    thread; calls wait for each other. While a call works, other threads run. Ctrl-C stops it at its next safe point,
    and so does a `progress` function that raises; what was begun is finished or rolled back.
    """

    def __init__(
        self,
        config: AnyPath | Mapping[str, Any] | None = None,
        *,
        left: AnyPath | None = None,
        right: AnyPath | None = None,
        state_dir: AnyPath | None = None,
    ) -> None:
        file: AnyPath | None = None
        text: str | None = None
        if isinstance(config, Mapping):
            given = dict(config)
            if left is not None and right is not None:
                given.setdefault("left_root", left)
                given.setdefault("right_root", right)
            text = document(given)
        elif config is not None:
            file = config
        self._raw = RawSession(file, text, left, right, state_dir)

    @property
    def roots(self) -> tuple[Path, Path]:
        """The left and the right folder."""
        left, right = self._raw.roots
        return Path(left), Path(right)

    @property
    def state_dir(self) -> Path:
        """Where what is remembered of the pair lies."""
        return Path(self._raw.state_dir)

    @property
    def policy(self) -> Policy:
        """What the configuration chose for the cells that offer a choice."""
        return self._raw.policy

    @property
    def closed(self) -> bool:
        """Whether nothing can be done any more."""
        return self._raw.closed

    def stop(self) -> None:
        """Stops what other threads are doing with this session, at its next safe point."""
        self._raw.stop()

    def close(self) -> None:
        """The same, and every later call fails with `ClosedError`."""
        self._raw.close()

    def __enter__(self) -> Session:
        if self.closed:
            raise ClosedError("the session is closed")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self._raw)

    # ---- the cycle

    def plan(self, *, all: bool = False, progress: Tell | None = None) -> PlanReport:
        """What a sync would do. Nothing changes anywhere. With `all`, also where nothing would be done."""
        return PlanReport._of(json.loads(self._raw.plan(all, progress)))

    def sync(self, *, approve: bool = False, progress: Tell | None = None) -> SyncReport:
        """Makes both folders the same. Failures at single paths are in the report.

        A guard that stops it is in the report's `halt`; `approve` lets that one plan through.
        """
        return SyncReport._of(json.loads(self._raw.sync(approve, progress)))

    def apply(self, plan: Plan, *, approve: bool = False, progress: Tell | None = None) -> SyncReport:
        """Carries out a plan that `bothways.plan` made of the caller's own rows, as a run that can be undone.

        A version is overwritten or deleted only while it is the one that the rows tell of; what changed since is a
        problem in the report, and stays.
        """
        if not isinstance(plan, Plan):
            raise TypeError(f"a Plan is wanted, and not {type(plan).__name__}")
        return SyncReport._of(json.loads(self._raw.apply(plan, approve, progress)))

    def run(
        self,
        *,
        on_cycle: Callable[[SyncReport], object] | None = None,
        on_ready: Callable[[], object] | None = None,
        on_wait: Callable[[str], object] | None = None,
    ) -> Run:
        """Keeps both folders the same for as long as the `with` block lasts. See `Run`."""
        return Run(self, on_cycle, on_ready, on_wait)

    # ---- looking

    def scan(self, *, progress: Tell | None = None) -> ScanReport:
        """Counts what lies on both sides."""
        return ScanReport._of(json.loads(self._raw.scan(progress)))

    def explain(self, path: AnyPath) -> ExplainReport:
        """Why a path is treated as it is."""
        return ExplainReport._of(json.loads(self._raw.explain(path)))

    def check(self) -> CheckReport:
        """Whether the pair can be synced, and what each side can do."""
        return CheckReport._of(json.loads(self._raw.check()))

    def status(self, *, hours: int = 24) -> StatusReport:
        """How the pair stands. Looks at neither folder, so that it answers also while a drive is away."""
        return StatusReport._of(json.loads(self._raw.status(hours)))

    def history(
        self,
        *,
        since: datetime | int | None = None,
        until: datetime | int | None = None,
        limit: int = 20,
        path: AnyPath | None = None,
        action: str | None = None,
    ) -> HistoryReport:
        """Recorded runs, the latest first; `path` may be a pattern."""
        pattern = None if path is None else _pattern(os.fsdecode(path))
        return HistoryReport._of(json.loads(self._raw.history(_ns(since), _ns(until), limit, pattern, action)))

    def details(self, run: int) -> RunDetails:
        """Everything that one recorded run did."""
        return RunDetails._of(json.loads(self._raw.details(run)))

    # ---- a person's word

    def conflicts(self, *, all: bool = False) -> ConflictList:
        """The conflicts that wait; with `all` also those that a clash copy has settled."""
        return ConflictList._of(json.loads(self._raw.conflicts(all)))

    def conflict(self, path: AnyPath) -> ConflictView:
        """One conflict closely: both contents are read now."""
        return ConflictView._of(json.loads(self._raw.conflict(path)))

    def resolve(
        self,
        paths: AnyPath | Iterable[AnyPath] | None = None,
        *,
        keep: str,
        all: bool = False,
        progress: Tell | None = None,
    ) -> ResolveReport:
        """Settles conflicts: keeps the `left`, the `right` or the `newer` version, or `both`.

        The version that is given up goes to the trash. Paths may be patterns; `all` means every one that is open.
        """
        if all == (paths is not None):
            raise UsageError("which conflicts? Name paths, or say all=True")
        return ResolveReport._of(json.loads(self._raw.resolve(None if all else _texts(paths), keep, progress)))

    def resync(self, paths: AnyPath | Iterable[AnyPath], *, progress: Tell | None = None) -> ResyncReport:
        """Looks at files and folders by content, whatever their metadata claims."""
        if isinstance(paths, (str, bytes, os.PathLike)):
            paths = [paths]
        return ResyncReport._of(json.loads(self._raw.resync(list(paths), progress)))

    def undo(
        self,
        run: int,
        *,
        keep_both: bool = False,
        dry_run: bool = False,
        progress: Tell | None = None,
    ) -> UndoReport:
        """Puts back what a run overwrote, renamed, deleted or made, as far as the trash holds it."""
        return UndoReport._of(json.loads(self._raw.undo(run, keep_both, dry_run, progress)))

    def trash(
        self,
        paths: AnyPath | Iterable[AnyPath] | None = None,
        *,
        side: str | None = None,
        since: datetime | int | None = None,
        before: datetime | int | None = None,
    ) -> TrashList:
        """What lies in the trash of both sides; paths may be patterns."""
        return TrashList._of(json.loads(self._raw.trash(_texts(paths), side, _ns(since), _ns(before))))

    def restore(
        self,
        paths: AnyPath | Iterable[AnyPath],
        *,
        side: str | None = None,
        at: datetime | int | None = None,
        to: AnyPath | None = None,
        keep_both: bool = False,
        dry_run: bool = False,
    ) -> RestoreReport:
        """Takes things back from the trash, never over anything. The next sync carries them to the other side."""
        target = None if to is None else _pattern(os.fsdecode(to))
        report = self._raw.restore(_texts(paths), side, _ns(at), target, keep_both, dry_run)
        return RestoreReport._of(json.loads(report))


class Run:
    """A live session: what happens on one side is on the other a moment later.

    A context manager. It works on a thread of its own, which also calls the functions it was given. `stop` ends it and
    waits; leaving the block does the same. What ended it, a function of yours that raised say, surfaces there.
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
        """Waits until both folders are there and looked after. Raises what ended the run, if it ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._error is not None, timeout)
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
        self._session.stop()

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
                self._changed.notify_all()

    def __enter__(self) -> Run:
        if self._thread is not None:
            raise UsageError("this run was started before: ask the session for another")
        if self._session.closed:
            raise ClosedError("the session is closed")
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
        except BaseException:
            # What the block raised says more.
            if value is None:
                raise

    def __repr__(self) -> str:
        state = "running" if self.is_running else "not running"
        return f"<Run {state} of {self._session!r}>"
