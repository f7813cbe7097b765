"""What the engine tells, as dataclasses.

Made by `cargo xtask generate` from sync-cli/schema. Do not edit.

Moments are aware datetimes in UTC; a datetime ends at microseconds, so each has a companion with all nanoseconds since
1970, whose name ends in `_ns`. Paths below the roots are `pathlib.PurePath`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath
from typing import Any

from ._bothways import shown_path
from ._times import moment, parsed

__all__ = [
    "AbilitiesReport",
    "AlertsReport",
    "CheckReport",
    "ClockSkew",
    "ConflictItem",
    "ConflictList",
    "ConflictReport",
    "ConflictView",
    "CopyingReport",
    "Corruption",
    "ExplainReport",
    "Finding",
    "HaltFolder",
    "HaltReport",
    "HaltStanding",
    "HistoryItem",
    "HistoryReport",
    "LeftAlone",
    "LeftOut",
    "LiveReport",
    "PauseReport",
    "PlaceCheck",
    "PlanReport",
    "PlannedReport",
    "ProblemReport",
    "ProblemStanding",
    "PurgeReport",
    "Purged",
    "RecentReport",
    "ResolveReport",
    "Resolved",
    "RestoreReport",
    "Restored",
    "ResyncReport",
    "RollingReport",
    "RowReport",
    "RunDetails",
    "RunReport",
    "ScanCheck",
    "ScanReport",
    "ShownVersion",
    "SideCheck",
    "SideReport",
    "StatusReport",
    "SyncReport",
    "TestDelivery",
    "TransitionReport",
    "TrashItem",
    "TrashList",
    "TrashReport",
    "TrashSideReport",
    "TrashSum",
    "UndoReport",
    "Unresolved",
    "VersionReport",
    "Versions",
    "WaitingConflict",
]


@dataclass(frozen=True)
class AbilitiesReport:
    """What a side can do."""

    folds_case: bool
    """Names that differ in case alone are one name."""
    folds_form: bool
    """Names that differ in Unicode form alone are one name."""
    mtime_precision_ns: int
    """The step of its modification times."""
    keeps_mtime: bool
    """Whether a modification time stays as it was set."""
    attributes: str
    """`none`, `unix` or `windows`."""
    xattrs: bool
    """Extended attributes."""
    symlinks: bool
    """Symbolic links."""
    hard_links: bool
    """Several names for one file."""
    reflinks: bool
    """Copies that share blocks."""
    exchange: bool
    """Exchanging two names in one step."""
    file_ids: bool
    """File numbers that stay."""
    ctimes: bool
    """Change times."""
    windows_names: bool
    """Whether names follow Windows' rules."""

    @classmethod
    def _of(cls, d: Any) -> AbilitiesReport:
        return cls(
            folds_case=d.get("folds_case"),
            folds_form=d.get("folds_form"),
            mtime_precision_ns=d.get("mtime_precision_ns"),
            keeps_mtime=d.get("keeps_mtime"),
            attributes=d.get("attributes"),
            xattrs=d.get("xattrs"),
            symlinks=d.get("symlinks"),
            hard_links=d.get("hard_links"),
            reflinks=d.get("reflinks"),
            exchange=d.get("exchange"),
            file_ids=d.get("file_ids"),
            ctimes=d.get("ctimes"),
            windows_names=d.get("windows_names"),
        )


@dataclass(frozen=True)
class AlertsReport:
    """What waits for delivery, and what stands in its way."""

    queued: int
    """How many messages wait."""
    bytes: int
    """How many bytes they take."""
    oldest: datetime | None
    """Since when the oldest of them waits."""
    oldest_ns: int | None = field(repr=False)
    """The same in nanoseconds since 1970."""
    error: str | None
    """Why the last try failed, of those that wait."""
    attempts: int
    """How often the message that waits longest was tried."""
    next_try: datetime | None
    """When it is tried next."""
    next_try_ns: int | None = field(repr=False)
    """The same in nanoseconds since 1970."""
    lost: int
    """How many messages were lost, because they could not be delivered for too long."""

    @classmethod
    def _of(cls, d: Any) -> AlertsReport:
        return cls(
            queued=d.get("queued"),
            bytes=d.get("bytes"),
            oldest=moment(parsed(d.get("oldest"))),
            oldest_ns=parsed(d.get("oldest")),
            error=d.get("error"),
            attempts=d.get("attempts"),
            next_try=moment(parsed(d.get("next_try"))),
            next_try_ns=parsed(d.get("next_try")),
            lost=d.get("lost"),
        )


@dataclass(frozen=True)
class CheckReport:
    """What a look at a configuration found."""

    state_dir: str
    """Where the state is, or would be."""
    left: SideCheck | None
    """The left side; none when its root could not be used."""
    right: SideCheck | None
    """The right side; none when its root could not be used."""
    clock_skew: ClockSkew | None
    """How far the sides' clocks are apart; none before the first sync, when nothing may be written yet."""
    config_file: PlaceCheck | None
    """The configuration's file; none where there is none."""
    state_folder: PlaceCheck | None
    """The state's folder; none where there is none yet."""
    findings: tuple[Finding, ...]
    """What is wrong, or worth knowing."""
    test_messages: tuple[TestDelivery, ...]
    """What came of a test message, by each way alerts go; empty where none was asked for."""
    is_clean: bool
    """Whether nobody needs to look at anything."""

    @classmethod
    def _of(cls, d: Any) -> CheckReport:
        return cls(
            state_dir=d.get("state_dir"),
            left=None if d.get("left") is None else SideCheck._of(d.get("left")),
            right=None if d.get("right") is None else SideCheck._of(d.get("right")),
            clock_skew=None if d.get("clock_skew") is None else ClockSkew._of(d.get("clock_skew")),
            config_file=None if d.get("config_file") is None else PlaceCheck._of(d.get("config_file")),
            state_folder=None if d.get("state_folder") is None else PlaceCheck._of(d.get("state_folder")),
            findings=tuple(Finding._of(each) for each in d.get("findings") or ()),
            test_messages=tuple(TestDelivery._of(each) for each in d.get("test_messages") or ()),
            is_clean=d["is_clean"],
        )


@dataclass(frozen=True)
class ClockSkew:
    """The clocks of both sides, as files get their times from them."""

    left_ahead_ms: int
    """By how many milliseconds the left side's clock is ahead of the right one's; negative when it is behind."""
    error_ms: int
    """By how many milliseconds that may be wrong either way."""

    @classmethod
    def _of(cls, d: Any) -> ClockSkew:
        return cls(
            left_ahead_ms=d.get("left_ahead_ms"),
            error_ms=d.get("error_ms"),
        )


@dataclass(frozen=True)
class ConflictItem:
    """One conflict as it is on record."""

    path: PurePath
    """Where."""
    state: str
    """`open` or `settled`."""
    rule: str
    """Such as `both-changed`."""
    requirement: str | None
    """Such as `6.2.1`; none where the requirements are silent."""
    newer: str | None
    """The side with the newer version."""
    first_seen: datetime
    """When it was first seen."""
    first_seen_ns: int = field(repr=False)
    """The same in nanoseconds since 1970."""
    last_seen: datetime
    """When it was last seen."""
    last_seen_ns: int = field(repr=False)
    """The same in nanoseconds since 1970."""
    clash_path: PurePath | None
    """Where the older version is kept."""
    left: VersionReport | None
    """The left version as it was seen."""
    right: VersionReport | None
    """The right version as it was seen."""

    @classmethod
    def _of(cls, d: Any) -> ConflictItem:
        return cls(
            path=shown_path(d.get("path")),
            state=d.get("state"),
            rule=d.get("rule"),
            requirement=d.get("requirement"),
            newer=d.get("newer"),
            first_seen=moment(parsed(d.get("first_seen"))),
            first_seen_ns=parsed(d.get("first_seen")),
            last_seen=moment(parsed(d.get("last_seen"))),
            last_seen_ns=parsed(d.get("last_seen")),
            clash_path=None if d.get("clash_path") is None else shown_path(d.get("clash_path")),
            left=None if d.get("left") is None else VersionReport._of(d.get("left")),
            right=None if d.get("right") is None else VersionReport._of(d.get("right")),
        )


@dataclass(frozen=True)
class ConflictList:
    """The inbox."""

    format: int
    """The format of this document."""
    open: int
    """How many wait for somebody."""
    settled: int
    """How many were settled by a clash copy or by the policy, and were not looked at since."""
    conflicts: tuple[ConflictItem, ...]
    """Those that were asked for, by path."""

    @classmethod
    def _of(cls, d: Any) -> ConflictList:
        return cls(
            format=d.get("format"),
            open=d.get("open"),
            settled=d.get("settled"),
            conflicts=tuple(ConflictItem._of(each) for each in d.get("conflicts") or ()),
        )


@dataclass(frozen=True)
class ConflictReport:
    """A conflict that was settled or that waits."""

    path: PurePath
    """Where."""
    rule: str
    """Such as `both-changed`."""
    requirement: str | None
    """Such as `6.2.1`."""
    policy: str
    """`clash`, `notify` or `newer`."""
    newer: str
    """The side with the newer version."""
    clash_path: PurePath | None
    """Where the older version is kept."""
    left: VersionReport
    """The left version."""
    right: VersionReport
    """The right version."""

    @classmethod
    def _of(cls, d: Any) -> ConflictReport:
        return cls(
            path=shown_path(d.get("path")),
            rule=d.get("rule"),
            requirement=d.get("requirement"),
            policy=d.get("policy"),
            newer=d.get("newer"),
            clash_path=None if d.get("clash_path") is None else shown_path(d.get("clash_path")),
            left=VersionReport._of(d.get("left")),
            right=VersionReport._of(d.get("right")),
        )


@dataclass(frozen=True)
class ConflictView:
    """One conflict with everything there is to see of it now."""

    format: int
    """The format of this document."""
    conflict: ConflictItem
    """As it is on record."""
    why: str
    """Why it is one, in a sentence."""
    newer_by_ms: int | None
    """By how many milliseconds the newer version is newer."""
    baseline: Versions | None
    """What both sides last agreed on, as each side has it on record."""
    left: ShownVersion
    """The left version now."""
    right: ShownVersion
    """The right version now."""
    same_content: bool | None
    """Whether both contents are the same now; none where that could not be told."""
    diff: str | None
    """What differs, from the older to the newer, as a unified diff."""
    no_diff: str | None
    """Why there is no diff."""
    advice: str
    """What can be done about it."""

    @classmethod
    def _of(cls, d: Any) -> ConflictView:
        return cls(
            format=d.get("format"),
            conflict=ConflictItem._of(d.get("conflict")),
            why=d.get("why"),
            newer_by_ms=d.get("newer_by_ms"),
            baseline=None if d.get("baseline") is None else Versions._of(d.get("baseline")),
            left=ShownVersion._of(d.get("left")),
            right=ShownVersion._of(d.get("right")),
            same_content=d.get("same_content"),
            diff=d.get("diff"),
            no_diff=d.get("no_diff"),
            advice=d.get("advice"),
        )


@dataclass(frozen=True)
class CopyingReport:
    """A large file on its way."""

    path: PurePath
    """Where."""
    bytes_done: int
    """How many bytes are there."""
    bytes: int
    """How many there will be."""

    @classmethod
    def _of(cls, d: Any) -> CopyingReport:
        return cls(
            path=shown_path(d.get("path")),
            bytes_done=d.get("bytes_done"),
            bytes=d.get("bytes"),
        )


@dataclass(frozen=True)
class Corruption:
    """A content that differs without a trace of a change."""

    path: PurePath
    """Where."""
    left: VersionReport
    """The left version."""
    right: VersionReport
    """The right version."""
    left_digest: str | None
    """The BLAKE3 of the left content."""
    right_digest: str | None
    """The BLAKE3 of the right content."""
    intact: str | None
    """The side that still holds the content both once agreed on; none when no digest of it is on record, or neither
    side holds it."""

    @classmethod
    def _of(cls, d: Any) -> Corruption:
        return cls(
            path=shown_path(d.get("path")),
            left=VersionReport._of(d.get("left")),
            right=VersionReport._of(d.get("right")),
            left_digest=d.get("left_digest"),
            right_digest=d.get("right_digest"),
            intact=d.get("intact"),
        )


@dataclass(frozen=True)
class ExplainReport:
    """Why a path is treated as it is."""

    path: PurePath
    """The path."""
    baseline: Versions | None
    """What both sides last agreed on, as each side has it on record."""
    now: Versions
    """What each side shows now."""
    left_state: str
    """The states that follow."""
    right_state: str
    """The states that follow."""
    rule: str
    """The rule that applies."""
    requirement: str | None
    """The requirement's number."""
    policy: str | None
    """What the policy makes of it, where the rule offers a choice."""
    transitions: tuple[TransitionReport, ...]
    """What will happen here, in order."""
    conflict: ConflictReport | None
    """The conflict here."""
    problems: tuple[ProblemReport, ...]
    """What stands in the way."""
    deleted: datetime | None
    """When the path was deleted on both sides, where that is remembered."""
    deleted_ns: int | None = field(repr=False)
    """The same in nanoseconds since 1970."""
    verdict: str
    """All of it in one sentence."""
    halt: HaltReport | None
    """Why nothing would be touched at all without approval."""

    @classmethod
    def _of(cls, d: Any) -> ExplainReport:
        return cls(
            path=shown_path(d.get("path")),
            baseline=None if d.get("baseline") is None else Versions._of(d.get("baseline")),
            now=Versions._of(d.get("now")),
            left_state=d.get("left_state"),
            right_state=d.get("right_state"),
            rule=d.get("rule"),
            requirement=d.get("requirement"),
            policy=d.get("policy"),
            transitions=tuple(TransitionReport._of(each) for each in d.get("transitions") or ()),
            conflict=None if d.get("conflict") is None else ConflictReport._of(d.get("conflict")),
            problems=tuple(ProblemReport._of(each) for each in d.get("problems") or ()),
            deleted=moment(parsed(d.get("deleted"))),
            deleted_ns=parsed(d.get("deleted")),
            verdict=d.get("verdict"),
            halt=None if d.get("halt") is None else HaltReport._of(d.get("halt")),
        )


@dataclass(frozen=True)
class Finding:
    """One thing that was found."""

    is_error: bool
    """Whether a sync could not run."""
    message: str
    """What it is and what to do."""

    @classmethod
    def _of(cls, d: Any) -> Finding:
        return cls(
            is_error=d.get("is_error"),
            message=d.get("message"),
        )


@dataclass(frozen=True)
class HaltFolder:
    """One folder that a halt is about."""

    path: PurePath
    """The folder below the root."""
    files: int
    """How many files in it would be deleted or overwritten."""

    @classmethod
    def _of(cls, d: Any) -> HaltFolder:
        return cls(
            path=shown_path(d.get("path")),
            files=d.get("files"),
        )


@dataclass(frozen=True)
class HaltReport:
    """Why nothing is touched until a person says so."""

    reason: str
    """A stable identifier, such as `too-many-changes`."""
    message: str
    """What happened."""
    side: str | None
    """The side concerned, where it is one."""
    folders: tuple[HaltFolder, ...]
    """The folders concerned, with the number of files in each; the root itself is the empty path."""
    approval: str | None
    """What approving it does; none where it cannot be approved."""

    @classmethod
    def _of(cls, d: Any) -> HaltReport:
        return cls(
            reason=d.get("reason"),
            message=d.get("message"),
            side=d.get("side"),
            folders=tuple(HaltFolder._of(each) for each in d.get("folders") or ()),
            approval=d.get("approval"),
        )


@dataclass(frozen=True)
class HaltStanding:
    """A guard that stopped the last sync."""

    reason: str
    """A stable identifier, such as `too-many-changes`."""
    message: str
    """What happened."""
    side: str | None
    """The side concerned, where it is one."""
    approval: str | None
    """What approving it does; none where it cannot be approved."""
    since: datetime
    """When it stopped a run for the first time."""
    since_ns: int = field(repr=False)
    """The same in nanoseconds since 1970."""
    run: int | None
    """The run that was recorded for it."""

    @classmethod
    def _of(cls, d: Any) -> HaltStanding:
        return cls(
            reason=d.get("reason"),
            message=d.get("message"),
            side=d.get("side"),
            approval=d.get("approval"),
            since=moment(parsed(d.get("since"))),
            since_ns=parsed(d.get("since")),
            run=d.get("run"),
        )


@dataclass(frozen=True)
class HistoryItem:
    """One run of a history."""

    run: int
    """Its number."""
    kind: str
    """Such as `sync` or `undo`."""
    answers: int | None
    """The run that it undoes or otherwise answers."""
    started: datetime
    """When it started."""
    started_ns: int = field(repr=False)
    """The same in nanoseconds since 1970."""
    finished: datetime | None
    """When it ended; none while it runs, and when it was cut short."""
    finished_ns: int | None = field(repr=False)
    """The same in nanoseconds since 1970."""
    outcome: str
    """How it ended: `clean`, `conflicts`, `problems`, `stopped`, `root-gone`, `halted`, `cut-short`, or `running`."""
    took_ms: int | None
    """How long it took."""
    bytes_copied: int
    """Bytes that were copied."""
    done: dict[str, int]
    """How many transitions of each action were made."""
    rows: tuple[RowReport, ...]
    """What it did at the paths and of the kind that was asked for, the latest first; empty where neither was."""

    @classmethod
    def _of(cls, d: Any) -> HistoryItem:
        return cls(
            run=d.get("run"),
            kind=d.get("kind"),
            answers=d.get("answers"),
            started=moment(parsed(d.get("started"))),
            started_ns=parsed(d.get("started")),
            finished=moment(parsed(d.get("finished"))),
            finished_ns=parsed(d.get("finished")),
            outcome=d.get("outcome"),
            took_ms=d.get("took_ms"),
            bytes_copied=d.get("bytes_copied"),
            done=dict(d.get("done") or {}),
            rows=tuple(RowReport._of(each) for each in d.get("rows") or ()),
        )


@dataclass(frozen=True)
class HistoryReport:
    """Runs, the latest first."""

    format: int
    """The format of this document."""
    runs: tuple[HistoryItem, ...]
    """The runs, the latest first."""
    more: bool
    """There are more than were asked for."""

    @classmethod
    def _of(cls, d: Any) -> HistoryReport:
        return cls(
            format=d.get("format"),
            runs=tuple(HistoryItem._of(each) for each in d.get("runs") or ()),
            more=d.get("more"),
        )


@dataclass(frozen=True)
class LeftAlone:
    """Something that an undo leaves as it is."""

    path: PurePath
    """Where."""
    side: str
    """On which side."""
    reason: str
    """`not-kept`, `purged`, `changed-since`, `taken`, `gone`, `not-recorded` or `unseen`."""
    message: str
    """The same in words."""

    @classmethod
    def _of(cls, d: Any) -> LeftAlone:
        return cls(
            path=shown_path(d.get("path")),
            side=d.get("side"),
            reason=d.get("reason"),
            message=d.get("message"),
        )


@dataclass(frozen=True)
class LeftOut:
    """A planned transition that was not made."""

    path: PurePath
    """Where."""
    action: str
    """Such as `COPY_LEFT_TO_RIGHT`."""
    reason: str
    """Why."""

    @classmethod
    def _of(cls, d: Any) -> LeftOut:
        return cls(
            path=shown_path(d.get("path")),
            action=d.get("action"),
            reason=d.get("reason"),
        )


@dataclass(frozen=True)
class LiveReport:
    """How a running session goes about its work."""

    process: int
    """The number of its process."""
    version: str
    """The version of its program."""
    since: datetime
    """Since when it runs."""
    since_ns: int = field(repr=False)
    """The same in nanoseconds since 1970."""
    paused_since: datetime | None
    """Since when it is paused: changes are noticed, and no cycles are made."""
    paused_since_ns: int | None = field(repr=False)
    """The same in nanoseconds since 1970."""
    waits_for: str | None
    """What it waits for, such as a root that is away; none when it can work."""
    waits_since: datetime | None
    """Since when it waits for that."""
    waits_since_ns: int | None = field(repr=False)
    """The same in nanoseconds since 1970."""
    busy_since: datetime | None
    """Since when a cycle or something that was asked for is under way."""
    busy_since_ns: int | None = field(repr=False)
    """The same in nanoseconds since 1970."""
    left: str | None
    """How changes on the left are noticed."""
    right: str | None
    """How changes on the right are noticed."""
    left_rolling: RollingReport | None
    """How far the look round the left is, where it is not watched."""
    right_rolling: RollingReport | None
    """How far the look round the right is, where it is not watched."""
    told: int | None
    """Paths that were told of and not yet looked at."""
    waiting_files: int | None
    """Files that are planned and not yet done, or that are still being written."""
    waiting_bytes: int | None
    """Their bytes."""
    copying: tuple[CopyingReport, ...]
    """Large files that are on their way."""
    next_full_scan: datetime | None
    """When everything is looked at next, whatever is told."""
    next_full_scan_ns: int | None = field(repr=False)
    """The same in nanoseconds since 1970."""

    @classmethod
    def _of(cls, d: Any) -> LiveReport:
        return cls(
            process=d.get("process"),
            version=d.get("version"),
            since=moment(parsed(d.get("since"))),
            since_ns=parsed(d.get("since")),
            paused_since=moment(parsed(d.get("paused_since"))),
            paused_since_ns=parsed(d.get("paused_since")),
            waits_for=d.get("waits_for"),
            waits_since=moment(parsed(d.get("waits_since"))),
            waits_since_ns=parsed(d.get("waits_since")),
            busy_since=moment(parsed(d.get("busy_since"))),
            busy_since_ns=parsed(d.get("busy_since")),
            left=d.get("left"),
            right=d.get("right"),
            left_rolling=None if d.get("left_rolling") is None else RollingReport._of(d.get("left_rolling")),
            right_rolling=None if d.get("right_rolling") is None else RollingReport._of(d.get("right_rolling")),
            told=d.get("told"),
            waiting_files=d.get("waiting_files"),
            waiting_bytes=d.get("waiting_bytes"),
            copying=tuple(CopyingReport._of(each) for each in d.get("copying") or ()),
            next_full_scan=moment(parsed(d.get("next_full_scan"))),
            next_full_scan_ns=parsed(d.get("next_full_scan")),
        )


@dataclass(frozen=True)
class PauseReport:
    """Whether cycles are made."""

    format: int
    """The format of this document."""
    paused: bool
    """Whether the session is paused now."""
    since: datetime | None
    """Since when; none when it is not paused."""
    since_ns: int | None = field(repr=False)
    """The same in nanoseconds since 1970."""
    changed: bool
    """Whether it was otherwise before."""
    busy: bool
    """Whether a cycle was under way, which goes to its end."""

    @classmethod
    def _of(cls, d: Any) -> PauseReport:
        return cls(
            format=d.get("format"),
            paused=d.get("paused"),
            since=moment(parsed(d.get("since"))),
            since_ns=parsed(d.get("since")),
            changed=d.get("changed"),
            busy=d.get("busy"),
        )


@dataclass(frozen=True)
class PlaceCheck:
    """A file or folder of Bothways' own."""

    path: str
    """Where."""
    mode: str | None
    """Permission bits in octal; none where the system has none, as Windows."""
    others: str | None
    """What users other than its owner may do: `nothing`, `read` or `change`; none where that cannot be told."""

    @classmethod
    def _of(cls, d: Any) -> PlaceCheck:
        return cls(
            path=d.get("path"),
            mode=d.get("mode"),
            others=d.get("others"),
        )


@dataclass(frozen=True)
class PlanReport:
    """What would happen."""

    format: int
    """The format of this document."""
    left_root: str
    """The left root."""
    right_root: str
    """The right root."""
    left: SideReport
    """What the left side holds."""
    right: SideReport
    """What the right side holds."""
    transitions: tuple[TransitionReport, ...]
    """In the order in which they would be made."""
    conflicts: tuple[ConflictReport, ...]
    """Conflicts that would be settled, or that wait."""
    problems: tuple[ProblemReport, ...]
    """What cannot be dealt with now."""
    halt: HaltReport | None
    """Why nothing would be touched without approval."""
    counts: dict[str, int]
    """How many transitions of each action there are."""
    bytes: int
    """Bytes that would be copied."""
    notices: tuple[str, ...]
    """What a person should know besides."""
    scan_ms: int
    """How long the scan took."""
    decide_ms: int
    """How long deciding took, digests included."""

    @classmethod
    def _of(cls, d: Any) -> PlanReport:
        return cls(
            format=d.get("format"),
            left_root=d.get("left_root"),
            right_root=d.get("right_root"),
            left=SideReport._of(d.get("left")),
            right=SideReport._of(d.get("right")),
            transitions=tuple(TransitionReport._of(each) for each in d.get("transitions") or ()),
            conflicts=tuple(ConflictReport._of(each) for each in d.get("conflicts") or ()),
            problems=tuple(ProblemReport._of(each) for each in d.get("problems") or ()),
            halt=None if d.get("halt") is None else HaltReport._of(d.get("halt")),
            counts=dict(d.get("counts") or {}),
            bytes=d.get("bytes"),
            notices=tuple(each for each in d.get("notices") or ()),
            scan_ms=d.get("scan_ms"),
            decide_ms=d.get("decide_ms"),
        )


@dataclass(frozen=True)
class PlannedReport:
    """What came of carrying out a reviewed plan."""

    run: int | None
    """The run's number in the journal; none when there was nothing to do and nothing to record."""
    started: datetime
    """When it started."""
    started_ns: int = field(repr=False)
    """The same in nanoseconds since 1970."""
    finished: datetime
    """When it ended."""
    finished_ns: int = field(repr=False)
    """The same in nanoseconds since 1970."""
    left: SideReport
    """What the left side held when it was scanned."""
    right: SideReport
    """What the right side held when it was scanned."""
    done: dict[str, int]
    """How many transitions of each action were made."""
    bytes_copied: int
    """Bytes that were copied."""
    conflicts: tuple[ConflictReport, ...]
    """Conflicts that were settled, or that wait."""
    problems: tuple[ProblemReport, ...]
    """What could not be dealt with."""
    left_undone: int
    """Actions that were planned and not tried: the run was stopped, or a root went away."""
    waiting: int
    """Actions that a live session does later: large files on their way, files that are being written, a backlog."""
    cancelled: bool
    """Whether the run was stopped from outside."""
    root_gone: bool
    """Whether a root went away in the middle."""
    halt: HaltReport | None
    """Why nothing was touched."""
    notices: tuple[str, ...]
    """What a person should know besides."""
    scan_ms: int
    """How long the scan took."""
    decide_ms: int
    """How long deciding took, digests included."""
    act_ms: int
    """How long acting and remembering took."""
    planned: int
    """How many transitions the file named."""
    left_out: tuple[LeftOut, ...]
    """What of it was left out, and why."""
    not_in_plan: int
    """How many transitions are due that the file does not name: the next sync makes them."""
    is_clean: bool
    """Whether nobody needs to look at anything."""

    @classmethod
    def _of(cls, d: Any) -> PlannedReport:
        return cls(
            run=d.get("run"),
            started=moment(parsed(d.get("started"))),
            started_ns=parsed(d.get("started")),
            finished=moment(parsed(d.get("finished"))),
            finished_ns=parsed(d.get("finished")),
            left=SideReport._of(d.get("left")),
            right=SideReport._of(d.get("right")),
            done=dict(d.get("done") or {}),
            bytes_copied=d.get("bytes_copied"),
            conflicts=tuple(ConflictReport._of(each) for each in d.get("conflicts") or ()),
            problems=tuple(ProblemReport._of(each) for each in d.get("problems") or ()),
            left_undone=d.get("left_undone"),
            waiting=d.get("waiting"),
            cancelled=d.get("cancelled"),
            root_gone=d.get("root_gone"),
            halt=None if d.get("halt") is None else HaltReport._of(d.get("halt")),
            notices=tuple(each for each in d.get("notices") or ()),
            scan_ms=d.get("scan_ms"),
            decide_ms=d.get("decide_ms"),
            act_ms=d.get("act_ms"),
            planned=d.get("planned"),
            left_out=tuple(LeftOut._of(each) for each in d.get("left_out") or ()),
            not_in_plan=d.get("not_in_plan"),
            is_clean=d["is_clean"],
        )


@dataclass(frozen=True)
class ProblemReport:
    """A failure at one path. The rest of the work went on."""

    path: PurePath
    """Where; the empty path is the root."""
    side: str
    """On which side."""
    operation: str
    """What was being done, such as `scan` or `copy`."""
    kind: str
    """What kind of failure, such as `permission-denied`."""
    error: str
    """What happened, and where it helps what to do."""

    @classmethod
    def _of(cls, d: Any) -> ProblemReport:
        return cls(
            path=shown_path(d.get("path")),
            side=d.get("side"),
            operation=d.get("operation"),
            kind=d.get("kind"),
            error=d.get("error"),
        )


@dataclass(frozen=True)
class ProblemStanding:
    """A problem that stands."""

    path: PurePath
    """Where; the empty path is the root."""
    side: str
    """On which side."""
    operation: str
    """What was being done, such as `scan` or `copy`."""
    kind: str
    """What kind of problem, such as `permission-denied`."""
    error: str
    """What happened, and where it helps what to do."""
    since: datetime
    """When it was first met."""
    since_ns: int = field(repr=False)
    """The same in nanoseconds since 1970."""
    times: int
    """How many recorded runs have met it."""
    passing: bool
    """It usually passes by itself: a program has the file open, or it changed meanwhile."""

    @classmethod
    def _of(cls, d: Any) -> ProblemStanding:
        return cls(
            path=shown_path(d.get("path")),
            side=d.get("side"),
            operation=d.get("operation"),
            kind=d.get("kind"),
            error=d.get("error"),
            since=moment(parsed(d.get("since"))),
            since_ns=parsed(d.get("since")),
            times=d.get("times"),
            passing=d.get("passing"),
        )


@dataclass(frozen=True)
class PurgeReport:
    """What was dropped for good."""

    format: int
    """The format of this document."""
    dry_run: bool
    """Whether nothing was dropped, since only the list was asked for."""
    purged: tuple[Purged, ...]
    """What was dropped, or would be."""
    bytes: int
    """Bytes of it."""
    forgotten: int
    """How many things that were gone already are forgotten."""
    problems: tuple[ProblemReport, ...]
    """What could not be dropped."""
    is_clean: bool
    """Whether nobody needs to look at anything."""

    @classmethod
    def _of(cls, d: Any) -> PurgeReport:
        return cls(
            format=d.get("format"),
            dry_run=d.get("dry_run"),
            purged=tuple(Purged._of(each) for each in d.get("purged") or ()),
            bytes=d.get("bytes"),
            forgotten=d.get("forgotten"),
            problems=tuple(ProblemReport._of(each) for each in d.get("problems") or ()),
            is_clean=d["is_clean"],
        )


@dataclass(frozen=True)
class Purged:
    """One thing that was dropped."""

    path: PurePath
    """Where it was."""
    side: str
    """In whose trash it lay."""
    place: PurePath
    """Where it lay, relative to that trash."""
    size: int
    """Bytes."""

    @classmethod
    def _of(cls, d: Any) -> Purged:
        return cls(
            path=shown_path(d.get("path")),
            side=d.get("side"),
            place=shown_path(d.get("place")),
            size=d.get("size"),
        )


@dataclass(frozen=True)
class RecentReport:
    """What was done lately."""

    hours: int
    """So many hours back."""
    runs: int
    """How many runs ended since then."""
    done: dict[str, int]
    """How many transitions of each action they made."""
    bytes_copied: int
    """Bytes that they copied."""

    @classmethod
    def _of(cls, d: Any) -> RecentReport:
        return cls(
            hours=d.get("hours"),
            runs=d.get("runs"),
            done=dict(d.get("done") or {}),
            bytes_copied=d.get("bytes_copied"),
        )


@dataclass(frozen=True)
class ResolveReport:
    """What came of settling conflicts."""

    format: int
    """The format of this document."""
    run: int | None
    """The run's number in the journal; none when nothing had to be done."""
    started: datetime
    """When it started."""
    started_ns: int = field(repr=False)
    """The same in nanoseconds since 1970."""
    finished: datetime
    """When it ended."""
    finished_ns: int = field(repr=False)
    """The same in nanoseconds since 1970."""
    resolved: tuple[Resolved, ...]
    """What was settled, by path."""
    unresolved: tuple[Unresolved, ...]
    """What stays as it is, and why."""
    done: dict[str, int]
    """How many transitions of each action were made."""
    bytes_copied: int
    """Bytes that were copied."""
    cancelled: bool
    """Whether it was stopped from outside."""
    is_clean: bool
    """Whether nobody needs to look at anything."""

    @classmethod
    def _of(cls, d: Any) -> ResolveReport:
        return cls(
            format=d.get("format"),
            run=d.get("run"),
            started=moment(parsed(d.get("started"))),
            started_ns=parsed(d.get("started")),
            finished=moment(parsed(d.get("finished"))),
            finished_ns=parsed(d.get("finished")),
            resolved=tuple(Resolved._of(each) for each in d.get("resolved") or ()),
            unresolved=tuple(Unresolved._of(each) for each in d.get("unresolved") or ()),
            done=dict(d.get("done") or {}),
            bytes_copied=d.get("bytes_copied"),
            cancelled=d.get("cancelled"),
            is_clean=d["is_clean"],
        )


@dataclass(frozen=True)
class Resolved:
    """A conflict that is settled now."""

    path: PurePath
    """Where."""
    rule: str
    """The rule that had met it."""
    keep: str
    """What was asked for: `left`, `right`, `newer` or `both`."""
    stands: str | None
    """The side whose version stands at the path."""
    clash_path: PurePath | None
    """Where the other version is kept; none when it went to the trash."""
    transitions: tuple[TransitionReport, ...]
    """What was done, in order."""

    @classmethod
    def _of(cls, d: Any) -> Resolved:
        return cls(
            path=shown_path(d.get("path")),
            rule=d.get("rule"),
            keep=d.get("keep"),
            stands=d.get("stands"),
            clash_path=None if d.get("clash_path") is None else shown_path(d.get("clash_path")),
            transitions=tuple(TransitionReport._of(each) for each in d.get("transitions") or ()),
        )


@dataclass(frozen=True)
class RestoreReport:
    """What came back from the trash."""

    format: int
    """The format of this document."""
    dry_run: bool
    """Whether nothing was changed, since only the list was asked for."""
    run: int | None
    """The number of the run, which can be undone; none when nothing was changed."""
    restored: tuple[Restored, ...]
    """What came back, or would, or did not."""
    problems: tuple[ProblemReport, ...]
    """What failed when it was tried."""
    is_clean: bool
    """Whether nobody needs to look at anything."""

    @classmethod
    def _of(cls, d: Any) -> RestoreReport:
        return cls(
            format=d.get("format"),
            dry_run=d.get("dry_run"),
            run=d.get("run"),
            restored=tuple(Restored._of(each) for each in d.get("restored") or ()),
            problems=tuple(ProblemReport._of(each) for each in d.get("problems") or ()),
            is_clean=d["is_clean"],
        )


@dataclass(frozen=True)
class Restored:
    """One thing of the trash."""

    path: PurePath
    """Where it was."""
    side: str
    """On which side."""
    to: PurePath
    """Where it comes back."""
    size: int
    """Bytes."""
    deleted: datetime
    """When it had gone to the trash."""
    deleted_ns: int = field(repr=False)
    """The same in nanoseconds since 1970."""
    left: str | None
    """Why it does not come back; none when it does."""

    @classmethod
    def _of(cls, d: Any) -> Restored:
        return cls(
            path=shown_path(d.get("path")),
            side=d.get("side"),
            to=shown_path(d.get("to")),
            size=d.get("size"),
            deleted=moment(parsed(d.get("deleted"))),
            deleted_ns=parsed(d.get("deleted")),
            left=d.get("left"),
        )


@dataclass(frozen=True)
class ResyncReport:
    """What a look by content found and did."""

    format: int
    """The format of this document."""
    run: int | None
    """The run's number in the journal; none when there was nothing to do and nothing to learn."""
    started: datetime
    """When it started."""
    started_ns: int = field(repr=False)
    """The same in nanoseconds since 1970."""
    finished: datetime
    """When it ended."""
    finished_ns: int = field(repr=False)
    """The same in nanoseconds since 1970."""
    examined: int
    """Files that both sides have below the named paths."""
    bytes_read: int
    """Bytes that were read."""
    same: int
    """How many of them have the same content."""
    corrupt: tuple[Corruption, ...]
    """Contents that differ although nothing shows that either was changed. Each is a conflict that waits."""
    done: dict[str, int]
    """How many transitions of each action were made."""
    bytes_copied: int
    """Bytes that were copied."""
    conflicts: tuple[ConflictReport, ...]
    """Other conflicts below the named paths."""
    problems: tuple[ProblemReport, ...]
    """What could not be dealt with below the named paths."""
    halt: HaltReport | None
    """Why nothing was copied or deleted."""
    left_undone: int
    """Actions that were planned and not tried."""
    cancelled: bool
    """Whether it was stopped from outside."""
    is_clean: bool
    """Whether nobody needs to look at anything."""

    @classmethod
    def _of(cls, d: Any) -> ResyncReport:
        return cls(
            format=d.get("format"),
            run=d.get("run"),
            started=moment(parsed(d.get("started"))),
            started_ns=parsed(d.get("started")),
            finished=moment(parsed(d.get("finished"))),
            finished_ns=parsed(d.get("finished")),
            examined=d.get("examined"),
            bytes_read=d.get("bytes_read"),
            same=d.get("same"),
            corrupt=tuple(Corruption._of(each) for each in d.get("corrupt") or ()),
            done=dict(d.get("done") or {}),
            bytes_copied=d.get("bytes_copied"),
            conflicts=tuple(ConflictReport._of(each) for each in d.get("conflicts") or ()),
            problems=tuple(ProblemReport._of(each) for each in d.get("problems") or ()),
            halt=None if d.get("halt") is None else HaltReport._of(d.get("halt")),
            left_undone=d.get("left_undone"),
            cancelled=d.get("cancelled"),
            is_clean=d["is_clean"],
        )


@dataclass(frozen=True)
class RollingReport:
    """The rolling scan of a side, and how long it takes."""

    directories: int
    """How many directories are known."""
    active: int
    """In how many of them something changed lately: these are looked at in every `sync_interval_seconds`."""
    per_second: int
    """How many directories may be read in a second (`[live] scan_per_second`)."""
    per_minute: int
    """How many a minute allows as they were read lately: fewer than the budget where reading one takes long."""
    round_seconds: int
    """After how many seconds every directory has been looked at again, at this rate."""
    last_round_seconds: int | None
    """How many seconds the last round took."""
    last_round_finished: datetime | None
    """When the last round came to its end."""
    last_round_finished_ns: int | None = field(repr=False)
    """The same in nanoseconds since 1970."""

    @classmethod
    def _of(cls, d: Any) -> RollingReport:
        return cls(
            directories=d.get("directories"),
            active=d.get("active"),
            per_second=d.get("per_second"),
            per_minute=d.get("per_minute"),
            round_seconds=d.get("round_seconds"),
            last_round_seconds=d.get("last_round_seconds"),
            last_round_finished=moment(parsed(d.get("last_round_finished"))),
            last_round_finished_ns=parsed(d.get("last_round_finished")),
        )


@dataclass(frozen=True)
class RowReport:
    """One transition that was recorded."""

    seq: int
    """Its position within the run, from 0."""
    time: datetime
    """When it ended."""
    time_ns: int = field(repr=False)
    """The same in nanoseconds since 1970."""
    action: str
    """Such as `COPY_LEFT_TO_RIGHT`."""
    rule: str
    """Such as `changed-left`."""
    requirement: str | None
    """Such as `6.2.3`; none where the requirements are silent."""
    path: PurePath
    """Where."""
    to: PurePath | None
    """The other path of a rename or a clash copy."""
    side: str | None
    """The side that was changed; none when neither or both were."""
    size: int
    """Bytes of the content concerned."""
    result: str
    """`done`, `failed` or `skipped`: not tried, or the world had moved."""
    error: str | None
    """What the system said."""
    trashed: PurePath | None
    """Where the version that was there went, relative to the side's trash."""
    before: VersionReport | None
    """The version that was there before."""
    after: VersionReport | None
    """The version that was there afterwards."""

    @classmethod
    def _of(cls, d: Any) -> RowReport:
        return cls(
            seq=d.get("seq"),
            time=moment(parsed(d.get("time"))),
            time_ns=parsed(d.get("time")),
            action=d.get("action"),
            rule=d.get("rule"),
            requirement=d.get("requirement"),
            path=shown_path(d.get("path")),
            to=None if d.get("to") is None else shown_path(d.get("to")),
            side=d.get("side"),
            size=d.get("size"),
            result=d.get("result"),
            error=d.get("error"),
            trashed=None if d.get("trashed") is None else shown_path(d.get("trashed")),
            before=None if d.get("before") is None else VersionReport._of(d.get("before")),
            after=None if d.get("after") is None else VersionReport._of(d.get("after")),
        )


@dataclass(frozen=True)
class RunDetails:
    """One run in full."""

    format: int
    """The format of this document."""
    run: int
    """Its number."""
    kind: str
    """Such as `sync` or `undo`."""
    answers: int | None
    """The run that it undoes or otherwise answers."""
    started: datetime
    """When it started."""
    started_ns: int = field(repr=False)
    """The same in nanoseconds since 1970."""
    finished: datetime | None
    """When it ended; none while it runs, and when it was cut short."""
    finished_ns: int | None = field(repr=False)
    """The same in nanoseconds since 1970."""
    outcome: str
    """How it ended: `clean`, `conflicts`, `problems`, `stopped`, `root-gone`, `halted`, `cut-short`, or `running`."""
    took_ms: int | None
    """How long it took."""
    bytes_copied: int
    """Bytes that were copied."""
    done: dict[str, int]
    """How many transitions of each action were made."""
    answered_by: tuple[int, ...]
    """Later runs that undo or otherwise answer it."""
    rows: tuple[RowReport, ...]
    """What it did, in its order; only at the paths and of the kind that was asked for, where that was."""

    @classmethod
    def _of(cls, d: Any) -> RunDetails:
        return cls(
            format=d.get("format"),
            run=d.get("run"),
            kind=d.get("kind"),
            answers=d.get("answers"),
            started=moment(parsed(d.get("started"))),
            started_ns=parsed(d.get("started")),
            finished=moment(parsed(d.get("finished"))),
            finished_ns=parsed(d.get("finished")),
            outcome=d.get("outcome"),
            took_ms=d.get("took_ms"),
            bytes_copied=d.get("bytes_copied"),
            done=dict(d.get("done") or {}),
            answered_by=tuple(each for each in d.get("answered_by") or ()),
            rows=tuple(RowReport._of(each) for each in d.get("rows") or ()),
        )


@dataclass(frozen=True)
class RunReport:
    """One recorded run."""

    run: int
    """Its number."""
    kind: str
    """Such as `sync` or `undo`."""
    answers: int | None
    """The run that it undoes or otherwise answers."""
    started: datetime
    """When it started."""
    started_ns: int = field(repr=False)
    """The same in nanoseconds since 1970."""
    finished: datetime | None
    """When it ended; none while it runs, and when it was cut short."""
    finished_ns: int | None = field(repr=False)
    """The same in nanoseconds since 1970."""
    outcome: str
    """How it ended: `clean`, `conflicts`, `problems`, `stopped`, `root-gone`, `halted`, `cut-short`, or `running`."""
    took_ms: int | None
    """How long it took."""
    bytes_copied: int
    """Bytes that were copied."""
    done: dict[str, int]
    """How many transitions of each action were made."""

    @classmethod
    def _of(cls, d: Any) -> RunReport:
        return cls(
            run=d.get("run"),
            kind=d.get("kind"),
            answers=d.get("answers"),
            started=moment(parsed(d.get("started"))),
            started_ns=parsed(d.get("started")),
            finished=moment(parsed(d.get("finished"))),
            finished_ns=parsed(d.get("finished")),
            outcome=d.get("outcome"),
            took_ms=d.get("took_ms"),
            bytes_copied=d.get("bytes_copied"),
            done=dict(d.get("done") or {}),
        )


@dataclass(frozen=True)
class ScanCheck:
    """A scan of one side."""

    holds: SideReport
    """What it holds."""
    scan_ms: int
    """How long a scan takes: both sides are scanned at the same time, as in a sync."""

    @classmethod
    def _of(cls, d: Any) -> ScanCheck:
        return cls(
            holds=SideReport._of(d.get("holds")),
            scan_ms=d.get("scan_ms"),
        )


@dataclass(frozen=True)
class ScanReport:
    """What lies on both sides, counted."""

    left_root: str
    """The left root."""
    right_root: str
    """The right root."""
    left: SideReport
    """On the left."""
    right: SideReport
    """On the right."""
    only_left: SideReport
    """On the left alone."""
    only_right: SideReport
    """On the right alone."""
    both: SideReport
    """On both sides; bytes are those of the left."""
    ignored: int
    """Names that the filters hide, on both sides together."""
    problems: tuple[ProblemReport, ...]
    """What could not be read."""
    scan_ms: int
    """How long it took."""

    @classmethod
    def _of(cls, d: Any) -> ScanReport:
        return cls(
            left_root=d.get("left_root"),
            right_root=d.get("right_root"),
            left=SideReport._of(d.get("left")),
            right=SideReport._of(d.get("right")),
            only_left=SideReport._of(d.get("only_left")),
            only_right=SideReport._of(d.get("only_right")),
            both=SideReport._of(d.get("both")),
            ignored=d.get("ignored"),
            problems=tuple(ProblemReport._of(each) for each in d.get("problems") or ()),
            scan_ms=d.get("scan_ms"),
        )


@dataclass(frozen=True)
class ShownVersion:
    """One side's version of a conflict, now."""

    path: PurePath
    """Where it lies on its side."""
    standing: str
    """`as-recorded`, `changed`, `gone` or `unreadable`."""
    now: VersionReport | None
    """What is there now."""
    digest: str | None
    """The BLAKE3 of its content, read just now."""
    holds_agreed: bool | None
    """Whether that is the digest both sides once agreed on; none where no digest is on record."""
    error: str | None
    """Why it could not be read."""

    @classmethod
    def _of(cls, d: Any) -> ShownVersion:
        return cls(
            path=shown_path(d.get("path")),
            standing=d.get("standing"),
            now=None if d.get("now") is None else VersionReport._of(d.get("now")),
            digest=d.get("digest"),
            holds_agreed=d.get("holds_agreed"),
            error=d.get("error"),
        )


@dataclass(frozen=True)
class SideCheck:
    """One side as it was measured."""

    root: str
    """The root."""
    marker: str | None
    """What its marker says; none before the first sync."""
    free_bytes: int | None
    """Bytes that can still be written."""
    scan: ScanCheck | None
    """What a scan found, and how long it took."""
    abilities: AbilitiesReport
    """What it can do. Guessed until the first sync has measured it."""

    @classmethod
    def _of(cls, d: Any) -> SideCheck:
        return cls(
            root=d.get("root"),
            marker=d.get("marker"),
            free_bytes=d.get("free_bytes"),
            scan=None if d.get("scan") is None else ScanCheck._of(d.get("scan")),
            abilities=AbilitiesReport._of(d.get("abilities")),
        )


@dataclass(frozen=True)
class SideReport:
    """What a side holds."""

    files: int
    """Regular files and links."""
    dirs: int
    """Directories below the root."""
    bytes: int
    """Bytes of all regular files."""

    @classmethod
    def _of(cls, d: Any) -> SideReport:
        return cls(
            files=d.get("files"),
            dirs=d.get("dirs"),
            bytes=d.get("bytes"),
        )


@dataclass(frozen=True)
class StatusReport:
    """How a pair stands."""

    format: int
    """The format of this document."""
    left_root: str | None
    """The left root; none before the first sync."""
    right_root: str | None
    """The right root; none before the first sync."""
    in_sync: bool
    """Both sides were the same when they were last looked at, and nothing waits."""
    since: datetime | None
    """Since when this has been so; none before the first sync, and where no look has told."""
    since_ns: int | None = field(repr=False)
    """The same in nanoseconds since 1970."""
    checked: datetime | None
    """When the whole pair was last looked at."""
    checked_ns: int | None = field(repr=False)
    """The same in nanoseconds since 1970."""
    needs_person: bool
    """Whether a person should do something: decide a conflict, look at a problem, approve a halt, go on with what was
    left undone, or make the first sync."""
    halt: HaltStanding | None
    """The guard that stopped the last sync."""
    left_undone: int
    """Actions that the last run planned and did not come to."""
    put_back: int
    """Things that `undo` or `trash restore` put back on one side and the next sync carries to the other."""
    last_run: RunReport | None
    """The last run; none when none was recorded."""
    conflicts: tuple[WaitingConflict, ...]
    """Conflicts that wait."""
    problems: tuple[ProblemStanding, ...]
    """What could not be dealt with, and since when."""
    recent: RecentReport
    """What was done lately."""
    trash: TrashReport
    """What lies in the trash."""
    alerts: AlertsReport
    """Messages to a person that wait for delivery, and what stands in their way."""
    live: LiveReport | None
    """The session that runs; none when none does."""

    @classmethod
    def _of(cls, d: Any) -> StatusReport:
        return cls(
            format=d.get("format"),
            left_root=d.get("left_root"),
            right_root=d.get("right_root"),
            in_sync=d.get("in_sync"),
            since=moment(parsed(d.get("since"))),
            since_ns=parsed(d.get("since")),
            checked=moment(parsed(d.get("checked"))),
            checked_ns=parsed(d.get("checked")),
            needs_person=d.get("needs_person"),
            halt=None if d.get("halt") is None else HaltStanding._of(d.get("halt")),
            left_undone=d.get("left_undone"),
            put_back=d.get("put_back"),
            last_run=None if d.get("last_run") is None else RunReport._of(d.get("last_run")),
            conflicts=tuple(WaitingConflict._of(each) for each in d.get("conflicts") or ()),
            problems=tuple(ProblemStanding._of(each) for each in d.get("problems") or ()),
            recent=RecentReport._of(d.get("recent")),
            trash=TrashReport._of(d.get("trash")),
            alerts=AlertsReport._of(d.get("alerts")),
            live=None if d.get("live") is None else LiveReport._of(d.get("live")),
        )


@dataclass(frozen=True)
class SyncReport:
    """What one run did."""

    run: int | None
    """The run's number in the journal; none when there was nothing to do and nothing to record."""
    started: datetime
    """When it started."""
    started_ns: int = field(repr=False)
    """The same in nanoseconds since 1970."""
    finished: datetime
    """When it ended."""
    finished_ns: int = field(repr=False)
    """The same in nanoseconds since 1970."""
    left: SideReport
    """What the left side held when it was scanned."""
    right: SideReport
    """What the right side held when it was scanned."""
    done: dict[str, int]
    """How many transitions of each action were made."""
    bytes_copied: int
    """Bytes that were copied."""
    conflicts: tuple[ConflictReport, ...]
    """Conflicts that were settled, or that wait."""
    problems: tuple[ProblemReport, ...]
    """What could not be dealt with."""
    left_undone: int
    """Actions that were planned and not tried: the run was stopped, or a root went away."""
    waiting: int
    """Actions that a live session does later: large files on their way, files that are being written, a backlog."""
    cancelled: bool
    """Whether the run was stopped from outside."""
    root_gone: bool
    """Whether a root went away in the middle."""
    halt: HaltReport | None
    """Why nothing was touched."""
    notices: tuple[str, ...]
    """What a person should know besides."""
    scan_ms: int
    """How long the scan took."""
    decide_ms: int
    """How long deciding took, digests included."""
    act_ms: int
    """How long acting and remembering took."""
    is_clean: bool
    """Whether nobody needs to look at anything."""

    @classmethod
    def _of(cls, d: Any) -> SyncReport:
        return cls(
            run=d.get("run"),
            started=moment(parsed(d.get("started"))),
            started_ns=parsed(d.get("started")),
            finished=moment(parsed(d.get("finished"))),
            finished_ns=parsed(d.get("finished")),
            left=SideReport._of(d.get("left")),
            right=SideReport._of(d.get("right")),
            done=dict(d.get("done") or {}),
            bytes_copied=d.get("bytes_copied"),
            conflicts=tuple(ConflictReport._of(each) for each in d.get("conflicts") or ()),
            problems=tuple(ProblemReport._of(each) for each in d.get("problems") or ()),
            left_undone=d.get("left_undone"),
            waiting=d.get("waiting"),
            cancelled=d.get("cancelled"),
            root_gone=d.get("root_gone"),
            halt=None if d.get("halt") is None else HaltReport._of(d.get("halt")),
            notices=tuple(each for each in d.get("notices") or ()),
            scan_ms=d.get("scan_ms"),
            decide_ms=d.get("decide_ms"),
            act_ms=d.get("act_ms"),
            is_clean=d["is_clean"],
        )


@dataclass(frozen=True)
class TestDelivery:
    """What came of a test message on one way."""

    channel: str
    """`mail`, `webhook` or `command`."""
    place: str
    """Where it leads."""
    delivered: bool
    """Whether it was taken."""
    message: str
    """What the other end said, or what is wrong and what to do."""
    refused: tuple[str, ...]
    """Recipients that were refused although others were not, with the reason."""

    @classmethod
    def _of(cls, d: Any) -> TestDelivery:
        return cls(
            channel=d.get("channel"),
            place=d.get("place"),
            delivered=d.get("delivered"),
            message=d.get("message"),
            refused=tuple(each for each in d.get("refused") or ()),
        )


@dataclass(frozen=True)
class TransitionReport:
    """One transition of a plan."""

    action: str
    """Such as `COPY_LEFT_TO_RIGHT`."""
    rule: str
    """Such as `changed-left`."""
    requirement: str | None
    """Such as `6.2.3`; none where the requirements are silent."""
    path: PurePath
    """Where."""
    to: PurePath | None
    """The other path of a rename or a clash copy."""
    size: int
    """Bytes of the content concerned."""
    side: str | None
    """The side that is changed; none when neither is."""
    expect: VersionReport | None
    """The version that must be there for the transition to be made; none where nothing may be there."""

    @classmethod
    def _of(cls, d: Any) -> TransitionReport:
        return cls(
            action=d.get("action"),
            rule=d.get("rule"),
            requirement=d.get("requirement"),
            path=shown_path(d.get("path")),
            to=None if d.get("to") is None else shown_path(d.get("to")),
            size=d.get("size"),
            side=d.get("side"),
            expect=None if d.get("expect") is None else VersionReport._of(d.get("expect")),
        )


@dataclass(frozen=True)
class TrashItem:
    """One thing in the trash."""

    path: PurePath
    """Where it was."""
    side: str
    """In whose trash it lies."""
    place: PurePath
    """Where it lies, relative to that trash."""
    kind: str | None
    """`file`, `directory` or `link`; none when it is gone."""
    size: int
    """Bytes."""
    deleted: datetime
    """When it went there."""
    deleted_ns: int = field(repr=False)
    """The same in nanoseconds since 1970."""
    reason: str | None
    """Why: `deleted`, or `replaced` by another version; none when that is not known."""
    run: int | None
    """The run that put it there."""
    presence: str
    """`there`; `gone`, when somebody took away what the index knows; `found`, when the index does not know it and its
    name tells what it was; `unseen`, when the trash could not be looked at."""

    @classmethod
    def _of(cls, d: Any) -> TrashItem:
        return cls(
            path=shown_path(d.get("path")),
            side=d.get("side"),
            place=shown_path(d.get("place")),
            kind=d.get("kind"),
            size=d.get("size"),
            deleted=moment(parsed(d.get("deleted"))),
            deleted_ns=parsed(d.get("deleted")),
            reason=d.get("reason"),
            run=d.get("run"),
            presence=d.get("presence"),
        )


@dataclass(frozen=True)
class TrashList:
    """What lies in the trash, by original path, the newest first."""

    format: int
    """The format of this document."""
    items: tuple[TrashItem, ...]
    """The things that were asked for."""
    left: TrashSum
    """Their sum on the left."""
    right: TrashSum
    """Their sum on the right."""
    problems: tuple[ProblemReport, ...]
    """Sides whose trash could not be read."""

    @classmethod
    def _of(cls, d: Any) -> TrashList:
        return cls(
            format=d.get("format"),
            items=tuple(TrashItem._of(each) for each in d.get("items") or ()),
            left=TrashSum._of(d.get("left")),
            right=TrashSum._of(d.get("right")),
            problems=tuple(ProblemReport._of(each) for each in d.get("problems") or ()),
        )


@dataclass(frozen=True)
class TrashReport:
    """What lies in the trash."""

    left: TrashSideReport
    """On the left."""
    right: TrashSideReport
    """On the right."""

    @classmethod
    def _of(cls, d: Any) -> TrashReport:
        return cls(
            left=TrashSideReport._of(d.get("left")),
            right=TrashSideReport._of(d.get("right")),
        )


@dataclass(frozen=True)
class TrashSideReport:
    """What lies in one side's trash."""

    files: int
    """Versions."""
    bytes: int
    """Their bytes."""
    oldest: datetime | None
    """When the oldest of them went there."""
    oldest_ns: int | None = field(repr=False)
    """The same in nanoseconds since 1970."""

    @classmethod
    def _of(cls, d: Any) -> TrashSideReport:
        return cls(
            files=d.get("files"),
            bytes=d.get("bytes"),
            oldest=moment(parsed(d.get("oldest"))),
            oldest_ns=parsed(d.get("oldest")),
        )


@dataclass(frozen=True)
class TrashSum:
    """What one side's trash holds."""

    items: int
    """Things that are there."""
    bytes: int
    """Their bytes."""
    gone: int
    """Things that are gone."""

    @classmethod
    def _of(cls, d: Any) -> TrashSum:
        return cls(
            items=d.get("items"),
            bytes=d.get("bytes"),
            gone=d.get("gone"),
        )


@dataclass(frozen=True)
class UndoReport:
    """What undoing a run takes, or what came of it."""

    format: int
    """The format of this document."""
    undone: int
    """The run that is undone."""
    kind: str
    """What kind of run it was, such as `sync`."""
    started: datetime
    """When it started."""
    started_ns: int = field(repr=False)
    """The same in nanoseconds since 1970."""
    dry_run: bool
    """Whether nothing was changed, since only the plan was asked for."""
    run: int | None
    """The number of the undo itself, which can be undone; none when nothing was changed."""
    transitions: tuple[TransitionReport, ...]
    """What is put back, in order."""
    counts: dict[str, int]
    """How many transitions of each action there are."""
    left: tuple[LeftAlone, ...]
    """What cannot be put back and stays as it is."""
    already: int
    """How many things are as they were before already."""
    done: dict[str, int]
    """How many transitions of each action were made."""
    problems: tuple[ProblemReport, ...]
    """What failed when it was tried."""
    cancelled: bool
    """Whether it was stopped from outside."""
    notices: tuple[str, ...]
    """What a person should know besides."""
    is_clean: bool
    """Whether nobody needs to look at anything."""

    @classmethod
    def _of(cls, d: Any) -> UndoReport:
        return cls(
            format=d.get("format"),
            undone=d.get("undone"),
            kind=d.get("kind"),
            started=moment(parsed(d.get("started"))),
            started_ns=parsed(d.get("started")),
            dry_run=d.get("dry_run"),
            run=d.get("run"),
            transitions=tuple(TransitionReport._of(each) for each in d.get("transitions") or ()),
            counts=dict(d.get("counts") or {}),
            left=tuple(LeftAlone._of(each) for each in d.get("left") or ()),
            already=d.get("already"),
            done=dict(d.get("done") or {}),
            problems=tuple(ProblemReport._of(each) for each in d.get("problems") or ()),
            cancelled=d.get("cancelled"),
            notices=tuple(each for each in d.get("notices") or ()),
            is_clean=d["is_clean"],
        )


@dataclass(frozen=True)
class Unresolved:
    """A conflict that stays as it is."""

    path: str
    """Where, or what was asked for."""
    reason: str
    """Why."""

    @classmethod
    def _of(cls, d: Any) -> Unresolved:
        return cls(
            path=d.get("path"),
            reason=d.get("reason"),
        )


@dataclass(frozen=True)
class VersionReport:
    """One version as a person or a machine can compare it."""

    kind: str
    """`file`, `directory` or `link`."""
    size: int
    """Bytes."""
    mtime: datetime
    """When its content last changed."""
    mtime_ns: int = field(repr=False)
    """The same in nanoseconds since 1970."""
    attributes: str | None
    """Permission bits in octal, or Windows attributes in hexadecimal; none where the side holds none."""

    @classmethod
    def _of(cls, d: Any) -> VersionReport:
        return cls(
            kind=d.get("kind"),
            size=d.get("size"),
            mtime=moment(parsed(d.get("mtime"))),
            mtime_ns=parsed(d.get("mtime")),
            attributes=d.get("attributes"),
        )


@dataclass(frozen=True)
class Versions:
    """One version per side."""

    left: VersionReport | None
    """The left one."""
    right: VersionReport | None
    """The right one."""

    @classmethod
    def _of(cls, d: Any) -> Versions:
        return cls(
            left=None if d.get("left") is None else VersionReport._of(d.get("left")),
            right=None if d.get("right") is None else VersionReport._of(d.get("right")),
        )


@dataclass(frozen=True)
class WaitingConflict:
    """A conflict that waits."""

    path: PurePath
    """Where."""
    rule: str
    """Such as `both-changed`."""
    requirement: str | None
    """Such as `6.2.1`."""
    since: datetime
    """Since when it waits."""
    since_ns: int = field(repr=False)
    """The same in nanoseconds since 1970."""
    newer: str | None
    """The side with the newer version, where one is newer."""
    left: VersionReport | None
    """The left version."""
    right: VersionReport | None
    """The right version."""

    @classmethod
    def _of(cls, d: Any) -> WaitingConflict:
        return cls(
            path=shown_path(d.get("path")),
            rule=d.get("rule"),
            requirement=d.get("requirement"),
            since=moment(parsed(d.get("since"))),
            since_ns=parsed(d.get("since")),
            newer=d.get("newer"),
            left=None if d.get("left") is None else VersionReport._of(d.get("left")),
            right=None if d.get("right") is None else VersionReport._of(d.get("right")),
        )
