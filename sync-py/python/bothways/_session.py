"""The whole job: a pair of folders."""

from __future__ import annotations

import json
import operator
import os
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Union

from ._bothways import Plan, Policy, Progress, RawSession
from ._errors import ClosedError, UsageError
from ._policy import document
from ._reports import (
    CheckReport,
    ConflictList,
    ConflictView,
    ExplainReport,
    HistoryReport,
    PauseReport,
    PlannedReport,
    PlanReport,
    PurgeReport,
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
from ._run import Run
from ._times import nanoseconds

AnyPath = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
Tell = Callable[[Progress], object]

# What the engine counts with: moments and numbers; and hours, more than anything is remembered for.
_MOST = 2**63 - 1
_HOURS = 2**31


def _ns(moment: datetime | int | None) -> int | None:
    """A moment as nanoseconds since 1970: an aware datetime, or those nanoseconds themselves."""
    if moment is None:
        return None
    if isinstance(moment, datetime):
        try:
            moment = nanoseconds(moment)
        except ValueError as error:
            raise UsageError(str(error)) from None
    elif not isinstance(moment, int) or isinstance(moment, bool):
        raise TypeError(
            f"a moment is an aware datetime or nanoseconds since 1970, and not {type(moment).__name__}"
        )
    # Nothing on record is earlier or later.
    return max(-_MOST, min(moment, _MOST))


def _whole(what: str, number: int) -> int:
    """A number that is none too small or too large for what it counts."""
    # Whatever stands for a whole number; a float does not.
    number = operator.index(number)
    if not 0 <= number <= _MOST:
        raise UsageError(f"{what} cannot be {number}")
    return number


def _bytes(number: int | None) -> int | None:
    return None if number is None else _whole("a size in bytes", number)


def _age(age: timedelta) -> int:
    """The moment before which something is older than that, in nanoseconds since 1970."""
    if not isinstance(age, timedelta):
        raise TypeError(f"an age is a timedelta, and not {type(age).__name__}")
    if age < timedelta(0):
        raise UsageError("an age cannot be negative")
    return time.time_ns() - (age // timedelta(microseconds=1)) * 1000


def _texts(paths: AnyPath | Iterable[AnyPath] | None) -> list[str]:
    if paths is None:
        return []
    if isinstance(paths, (str, bytes, os.PathLike)):
        paths = [paths]
    return [_pattern(os.fsdecode(path)) for path in paths]


def _named(paths: AnyPath | Iterable[AnyPath]) -> list[str]:
    """The same where nothing must not mean everything."""
    texts = _texts(paths)
    if not texts:
        raise UsageError("no path is named")
    return texts


def _meant(
    paths: AnyPath | Iterable[AnyPath] | None,
    side: str | None,
    since: datetime | int | None,
    before: datetime | int | None,
    min_size: int | None,
    max_size: int | None,
    versions: bool | None,
) -> dict[str, Any]:
    """Which things in the trash are meant."""
    return {
        "paths": [] if paths is None else _named(paths),
        "side": side,
        "since_ns": _ns(since),
        "before_ns": _ns(before),
        "min_size": _bytes(min_size),
        "max_size": _bytes(max_size),
        "versions": versions,
    }


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

    Nothing is opened before it is needed, and nothing is held between two calls. While a session of the pair runs
    (`run` here, or `bothways run` in another process: see `is_running`), it carries out what is asked for, with the same
    results and exceptions; only `run` and `apply` cannot be asked of it, and fail with `LockedError`. `progress` is told
    of phase `wait` while it is busy with something else. If it ends before it has answered, that is a
    `RunningSessionError`, and the next call is carried out here.

    Every method may be called from any thread. Calls that are carried out here wait for each other. While a call works,
    other threads run. Ctrl-C stops it at its next safe point, and so does a `progress` function that raises; what was
    begun is finished or rolled back. What another session carries out is not waited for then: it is told to end it at
    its next safe point, which a line in the log says, and goes on keeping both folders the same.

    A session may be used after a fork, in both processes, if it was not at work at that moment; otherwise the child is told
    to make another one. It can be neither copied nor pickled.
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

    @property
    def is_running(self) -> bool:
        """Whether a session of the pair runs, in this process or another. Then it is the one that answers."""
        return self._raw.is_running()

    def stop(self) -> None:
        """Stops what other threads are doing with this object, at its next safe point.

        A session that runs elsewhere goes on; only what it was asked for from here ends.
        """
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

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Session can be neither copied nor pickled: make another one of the same configuration")

    # ---- the cycle

    def plan(
        self,
        *,
        all: bool = False,
        output: AnyPath | None = None,
        progress: Tell | None = None,
    ) -> PlanReport:
        """What a sync would do. Nothing changes anywhere. With `all`, also where nothing would be done.

        With `output`, the plan is also written to that file, to be reviewed and shortened, and given to `sync_reviewed`.
        """
        if output is None:
            return PlanReport._of(json.loads(self._raw.plan(all, progress)))
        return PlanReport._of(json.loads(self._raw.plan_to_review(all, output, progress)))

    def sync(self, *, approve: bool = False, progress: Tell | None = None) -> SyncReport:
        """Makes both folders the same. Failures at single paths are in the report.

        A guard that stops it is in the report's `halt`; `approve` lets that one plan through.
        """
        return SyncReport._of(json.loads(self._raw.sync(approve, progress)))

    def sync_reviewed(
        self, file: AnyPath, *, approve: bool = False, progress: Tell | None = None
    ) -> PlannedReport:
        """One sync that does no more than a plan file allows, as far as the world still is as it was planned on."""
        return PlannedReport._of(json.loads(self._raw.sync_reviewed(file, approve, progress)))

    def apply(self, plan: Plan, *, approve: bool = False, progress: Tell | None = None) -> SyncReport:
        """Carries out a plan that `bothways.plan` made of the caller's own rows, as a run that can be undone.

        Fails with `LockedError` while a session of the pair runs. A version is overwritten or deleted only while it is the one that the rows tell of; what changed since is a
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
        """Keeps both folders the same for as long as the `with` block lasts. See `Run`.

        A configuration file is read again when it has changed; one that is not valid changes nothing and is logged.
        Entering the block fails with `LockedError` while another session of the pair runs.
        """
        return Run(self, on_cycle, on_ready, on_wait)

    def pause(self) -> PauseReport:
        """Makes the session that runs rest: what changes is noticed, and no cycles are made.

        Fails with `NotRunningError` where none runs.
        """
        return PauseReport._of(json.loads(self._raw.pause()))

    def resume(self) -> PauseReport:
        """Lets the session that runs go on. Fails with `NotRunningError` where none runs."""
        return PauseReport._of(json.loads(self._raw.resume()))

    # ---- looking

    def scan(self, *, progress: Tell | None = None) -> ScanReport:
        """Counts what lies on both sides."""
        return ScanReport._of(json.loads(self._raw.scan(progress)))

    def explain(self, path: AnyPath) -> ExplainReport:
        """Why a path is treated as it is."""
        return ExplainReport._of(json.loads(self._raw.explain(path)))

    def check(self, *, send_test_mail: bool = False) -> CheckReport:
        """Whether the pair can be synced, and what each side can do.

        With `send_test_mail` a test message goes out by mail and by every other way that alerts go.
        """
        return CheckReport._of(json.loads(self._raw.check(send_test_mail)))

    def status(self, *, hours: int = 24) -> StatusReport:
        """How the pair stands. Looks at neither folder, so that it answers also while a drive is away."""
        return StatusReport._of(json.loads(self._raw.status(min(_whole("a number of hours", hours), _HOURS))))

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
        limit = _whole("a limit", limit)
        return HistoryReport._of(json.loads(self._raw.history(_ns(since), _ns(until), limit, pattern, action)))

    def details(
        self, run: int, *, path: AnyPath | None = None, action: str | None = None
    ) -> RunDetails:
        """Everything that one recorded run did; or what it did at a path or pattern, or of a kind."""
        pattern = None if path is None else _pattern(os.fsdecode(path))
        return RunDetails._of(json.loads(self._raw.details(_whole("a run", run), pattern, action)))

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
        run = _whole("a run", run)
        return UndoReport._of(json.loads(self._raw.undo(run, keep_both, dry_run, progress)))

    def trash(
        self,
        paths: AnyPath | Iterable[AnyPath] | None = None,
        *,
        side: str | None = None,
        since: datetime | int | None = None,
        before: datetime | int | None = None,
        min_size: int | None = None,
        max_size: int | None = None,
        versions: bool = False,
    ) -> TrashList:
        """What lies in the trash of both sides; paths may be patterns, sizes are bytes.

        `since` and `before` say when it went there. With `versions`, only what another version replaced.
        """
        meant = _meant(paths, side, since, before, min_size, max_size, versions or None)
        return TrashList._of(json.loads(self._raw.trash(meant)))

    def restore(
        self,
        paths: AnyPath | Iterable[AnyPath],
        *,
        side: str | None = None,
        at: datetime | int | None = None,
        since: datetime | int | None = None,
        before: datetime | int | None = None,
        min_size: int | None = None,
        max_size: int | None = None,
        versions: bool = False,
        to: AnyPath | None = None,
        keep_both: bool = False,
        dry_run: bool = False,
    ) -> RestoreReport:
        """Takes things back from the trash, never over anything. The next sync carries them to the other side.

        Of each path comes what was there last, or at the moment `at`: what was deleted, or with `versions` what another
        version replaced. `to` puts it elsewhere; `keep_both` puts it beside what is there now.
        """
        if to is not None and keep_both:
            raise UsageError("either to another place, or beside what is there")
        target = None if to is None else _pattern(os.fsdecode(to))
        meant = _meant(_named(paths), side, since, before, min_size, max_size, versions)
        return RestoreReport._of(json.loads(self._raw.restore(meant, _ns(at), target, keep_both, dry_run)))

    def purge(
        self,
        paths: AnyPath | Iterable[AnyPath] | None = None,
        *,
        all: bool = False,
        expired: bool = False,
        older_than: timedelta | None = None,
        side: str | None = None,
        since: datetime | int | None = None,
        before: datetime | int | None = None,
        min_size: int | None = None,
        max_size: int | None = None,
        versions: bool = False,
        dry_run: bool = False,
    ) -> PurgeReport:
        """Drops things from the trash for good. There is no way back, and nobody is asked.

        What is dropped must be named: by paths or patterns, by `older_than`, by `expired` (what has been there for longer
        than it is kept), or by `all`. Everything else that is given must hold as well. With `dry_run` nothing is dropped.
        """
        if all and (paths is not None or expired or older_than is not None):
            raise UsageError("either all of it, or what is named")
        if not (all or expired or paths is not None or older_than is not None):
            raise UsageError("which things? Name paths, older_than= or expired=True, or say all=True")
        if older_than is not None:
            if before is not None:
                raise UsageError("either older_than= or before=")
            before = _age(older_than)
        meant = _meant(paths, side, since, before, min_size, max_size, versions or None)
        return PurgeReport._of(json.loads(self._raw.purge(meant, expired, dry_run)))
