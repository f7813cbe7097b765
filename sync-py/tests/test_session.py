"""The whole job on real folders."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path, PurePath

import pytest

import bothways
from bothways import reports

from conftest import Pair


def test_plan_sync_and_quiet(pair: Pair) -> None:
    (pair.left / "d").mkdir()
    (pair.left / "d/a.txt").write_text("one")
    (pair.right / "b.txt").write_text("two")
    session = pair.session()
    plan = session.plan()
    assert isinstance(plan, reports.PlanReport)
    assert plan.counts == {"MKDIR_RIGHT": 1, "COPY_LEFT_TO_RIGHT": 1, "COPY_RIGHT_TO_LEFT": 1}
    assert PurePath("d/a.txt") in [one.path for one in plan.transitions]
    # A plan changes nothing anywhere.
    assert not pair.state.exists() and not (pair.left / ".bothways").exists()
    report = session.sync()
    assert report.is_clean and report.run == 1 and report.done == plan.counts
    assert pair.is_same and pair.names(pair.right) == {"d/a.txt": b"one", "b.txt": b"two"}
    assert report.started.tzinfo is timezone.utc and report.started_ns // 1000 == round(
        (report.started - datetime(1970, 1, 1, tzinfo=timezone.utc)).total_seconds() * 1e6
    )
    again = session.sync()
    assert again.is_clean and again.run is None and not again.done
    assert session.status().in_sync


def test_paths_of_any_kind(tmp_path: Path) -> None:
    left, right = tmp_path / "l", os.fsencode(tmp_path / "r")
    left.mkdir()
    os.mkdir(right)
    (left / "f").write_text("x")
    session = bothways.Session(left=str(left), right=right, state_dir=os.fsencode(tmp_path / "s"))
    assert session.roots == (left, tmp_path / "r") and session.state_dir == tmp_path / "s"
    assert session.sync().is_clean
    assert (tmp_path / "r/f").read_text() == "x"
    assert session.explain(left / "f").rule == "unchanged"
    assert session.explain(b"f").path == PurePath("f")


@pytest.mark.skipif(os.name != "posix", reason="such names are Unix's")
def test_names_that_are_no_unicode(pair: Pair) -> None:
    name = b"caf\xe9 \n.txt"
    (pair.left / os.fsdecode(name)).write_text("x")
    session = pair.session()
    (step,) = session.plan().transitions
    assert bytes(step.path) == name
    assert session.sync().is_clean and pair.is_same
    assert session.history(path="caf*").runs[0].rows[0].path == step.path
    with pytest.raises(bothways.UsageError, match="pattern"):
        session.history(path=name)
    assert bytes(next(bothways.scan(pair.left)).path) == name


def test_conflicts_wait_and_are_resolved(pair: Pair) -> None:
    (pair.left / "r.txt").write_text("base")
    session = pair.session(conflict={"same_file_changed_both": "notify"})
    session.sync()
    (pair.left / "r.txt").write_text("left version")
    (pair.right / "r.txt").write_text("right one")
    report = session.sync()
    assert not report.is_clean and report.conflicts[0].policy == "notify"
    inbox = session.conflicts()
    assert inbox.open == 1 and inbox.conflicts[0].path == PurePath("r.txt")
    view = session.conflict("r.txt")
    assert view.diff is not None and "left version" in view.diff
    assert view.left.now is not None and view.left.now.mtime_ns == (pair.left / "r.txt").stat().st_mtime_ns
    with pytest.raises(bothways.UsageError, match="'left', 'right', 'newer', 'both'"):
        session.resolve("r.txt", keep="middle")
    with pytest.raises(bothways.UsageError, match="which"):
        session.resolve(keep="left")
    settled = session.resolve("r.txt", keep="left")
    assert settled.is_clean and settled.resolved[0].stands == "left"
    assert (pair.right / "r.txt").read_text() == "left version"
    assert session.conflicts().open == 0
    with pytest.raises(bothways.UsageError, match="no conflict"):
        session.conflict("other")


def test_history_undo_and_trash(pair: Pair) -> None:
    (pair.left / "keep").write_text("k")
    (pair.left / "gone").write_text("g")
    session = pair.session()
    session.sync()
    before = session.history().runs[0].finished
    (pair.left / "gone").unlink()
    run = session.sync().run
    assert run is not None and not (pair.right / "gone").exists()
    (item,) = session.trash().items
    assert item.path == PurePath("gone") and item.presence == "there" and item.run == run
    assert session.trash(since=datetime(2100, 1, 1, tzinfo=timezone.utc)).items == ()
    assert [one.run for one in session.history(since=before).runs] == [run]
    assert [row.action for row in session.details(run).rows] == ["SOFT_DELETE_RIGHT"]
    dry = session.undo(run, dry_run=True)
    assert dry.counts == {"RESTORE_RIGHT": 1} and not (pair.right / "gone").exists()
    undone = session.undo(run)
    assert undone.is_clean and (pair.right / "gone").read_text() == "g"
    assert session.sync().is_clean and (pair.left / "gone").read_text() == "g"
    (pair.left / "keep").unlink()
    session.sync()
    assert session.restore("keep").is_clean and (pair.right / "keep").exists()
    with pytest.raises(bothways.UsageError, match="no run 99"):
        session.undo(99)
    with pytest.raises(bothways.UsageError, match="no run 99"):
        session.details(99)
    with pytest.raises(bothways.UsageError, match="time zone"):
        session.trash(since=datetime(2026, 1, 1))
    for far in (datetime.min, datetime.max):
        assert session.history(since=far.replace(tzinfo=timezone.utc)).format
    with pytest.raises(TypeError, match="moment"):
        session.history(since="today")  # type: ignore[arg-type]


def test_numbers_that_make_no_sense(pair: Pair) -> None:
    (pair.left / "a").write_text("x")
    session = pair.session()
    session.sync()
    bad: list[Callable[[], object]] = [
        lambda: session.status(hours=-1),
        lambda: session.history(limit=-1),
        lambda: session.details(-1),
        lambda: session.undo(2**64),
        lambda: session.trash(min_size=-1),
        lambda: session.purge(older_than=timedelta(-1)),
    ]
    for call in bad:
        with pytest.raises(bothways.UsageError, match="cannot be"):
            call()
    with pytest.raises(TypeError):
        session.history(limit=1.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="timedelta"):
        session.purge(older_than=3)  # type: ignore[arg-type]
    assert session.status(hours=10**15).in_sync and session.purge(older_than=timedelta.max).purged == ()
    assert session.resync([]).same == 0


def test_guards(pair: Pair) -> None:
    for number in range(30):
        (pair.left / f"f{number}").write_text("x")
    session = pair.session()
    session.sync()
    for number in range(30):
        (pair.left / f"f{number}").unlink()
    (pair.left / "one").write_text("x")
    report = session.sync()
    assert report.halt is not None and report.halt.reason == "too-many-changes" and not report.is_clean
    assert (pair.right / "f1").exists()
    approved = session.sync(approve=True)
    assert approved.halt is None and pair.is_same


def test_errors_of_the_system_are_os_errors(tmp_path: Path, pair: Pair) -> None:
    session = bothways.Session(left=tmp_path / "nowhere", right=pair.right, state_dir=pair.state)
    with pytest.raises(bothways.RootError) as caught:
        session.sync()
    assert isinstance(caught.value, OSError) and caught.value.errno == errno.ENOENT
    assert caught.value.filename == str(tmp_path / "nowhere") and caught.value.side == "left"
    assert "nowhere" in str(caught.value)
    with pytest.raises(bothways.ConfigIoError) as missing:
        bothways.Session(tmp_path / "none.toml")
    assert missing.value.errno == errno.ENOENT and isinstance(missing.value, (OSError, ValueError))


def test_configurations(tmp_path: Path, pair: Pair) -> None:
    file = tmp_path / "pair.toml"
    file.write_text("left_root = 'left'\nright_root = 'right'\n[conflict]\ntie_breaker = 'right'\n")
    session = bothways.Session(file, state_dir=pair.state)
    assert session.roots == (pair.left, pair.right) and session.policy.tie_breaker == "right"
    file.write_text("left_root = 'left'\nright_root = 'right'\n[conflict]\ntie_braker = 'right'\n")
    with pytest.raises(bothways.ConfigError, match="tie_breaker") as caught:
        bothways.Session(file)
    assert caught.value.line == 4
    config = {"left_root": pair.left, "right_root": pair.right, "ignore": {"extensions": ["skip"]}}
    session = bothways.Session(config, state_dir=pair.state)
    (pair.left / "a.skip").write_text("x")
    assert session.plan().counts == {}
    for bad in (
        lambda: bothways.Session(),
        lambda: bothways.Session(left=pair.left),
        lambda: bothways.Session({"left_root": "x"}),
        lambda: bothways.Session(left=pair.left, right=pair.left),
    ):
        with pytest.raises((bothways.UsageError, bothways.ConfigError)):
            bad()
    with pytest.raises(TypeError):
        bothways.Session(left=5, right=6)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="NUL"):
        bothways.Session(left="a\0b", right="c")


def test_a_closed_session_says_so(pair: Pair) -> None:
    with pair.session() as session:
        assert session.sync().is_clean
    assert session.closed and "closed" in repr(session)
    for call in (session.sync, session.plan, session.status, session.conflicts, session.history, session.trash):
        with pytest.raises(bothways.ClosedError):
            call()
    with pytest.raises(bothways.ClosedError), session:
        pass
    with pytest.raises(bothways.ClosedError), session.run():
        pass
    session.close()


def test_apply_carries_out_a_plan_of_own_rows(pair: Pair) -> None:
    """Rows of files alone, times as floats: what is there is looked at again before anything is touched."""

    def rows(root: Path) -> list[dict[str, object]]:
        found = []
        for name in pair.names(root):
            stat = (root / name).stat()
            found.append({"path": name, "size": stat.st_size, "mtime": stat.st_mtime})
        return found

    (pair.left / "new/deep").mkdir(parents=True)
    (pair.left / "new/deep/f").write_text("deep")
    (pair.right / "empty").mkdir()
    (pair.left / "empty").mkdir()
    (pair.left / "empty/now").write_text("not any more")
    (pair.right / "back").write_text("back")
    session = pair.session()
    report = session.apply(bothways.plan([], rows(pair.left), rows(pair.right)))
    assert report.problems == () and report.is_clean and report.run == 1
    assert pair.is_same and len(pair.names(pair.left)) == 3
    before = rows(pair.left)
    os.utime(pair.right / "back", (1, 1))
    (pair.left / "new/deep/f").write_text("deeper")
    (pair.left / "back").unlink()
    plan = bothways.plan(
        [{**row, "mtime_right": right["mtime"]} for row, right in zip(before, before)], rows(pair.left), rows(pair.right),
        digest=lambda question: bytes(32),
    )
    # Somebody is faster: what they wrote stays.
    (pair.right / "new/deep/f").write_text("somebody else's")
    report = session.apply(plan)
    assert [problem.kind for problem in report.problems] == ["stale"] and not report.is_clean
    assert (pair.right / "new/deep/f").read_text() == "somebody else's"
    with pytest.raises(TypeError, match="Plan"):
        session.apply([])  # type: ignore[arg-type]


def test_apply_can_be_undone_and_halts(pair: Pair) -> None:
    names = [f"f{number}" for number in range(30)]
    for name in names:
        (pair.left / name).write_text("x")
    session = pair.session()
    session.sync()
    left, right = list(bothways.scan(pair.left)), list(bothways.scan(pair.right))
    plan = bothways.plan(left, left[:1], right)
    assert plan.halt is not None
    report = session.apply(plan)
    assert report.halt is not None and len(pair.names(pair.right)) == 30
    report = session.apply(plan, approve=True)
    assert report.done == {"SOFT_DELETE_RIGHT": 29} and report.run is not None
    assert session.undo(report.run).is_clean and len(pair.names(pair.right)) == 30


def test_scan_is_an_iterator_of_entries(pair: Pair) -> None:
    (pair.left / "d").mkdir()
    (pair.left / "d/f.txt").write_text("hello")
    (pair.left / "d/skip.tmp").write_text("x")
    if os.name == "posix":
        os.symlink("f.txt", pair.left / "d/link")
    scan = bothways.scan(pair.left)
    assert iter(scan) is scan
    entries = {entry.path.as_posix(): entry for entry in scan}
    assert list(scan) == []
    assert list(entries)[:2] == ["d", "d/f.txt"] and "d/skip.tmp" not in entries
    stat = (pair.left / "d/f.txt").stat()
    found = entries["d/f.txt"]
    assert (found.kind, found.size, found.mtime_ns) == ("file", 5, stat.st_mtime_ns)
    assert os.fspath(found) == os.path.join("d", "f.txt") and found.mtime.tzinfo is timezone.utc
    if os.name == "posix":
        assert entries["d/link"].target == "f.txt" and entries["d/link"].kind == "link"
        assert found.mode == stat.st_mode & 0o7777
    assert "5 bytes" in repr(found) and len({found, found}) == 1
    assert not (pair.left / ".bothways").exists()
    everything = bothways.scan(pair.left, ignore={"extensions": []})
    assert "skip.tmp" in [entry.path.name for entry in everything]
    with pytest.raises(bothways.RootError):
        bothways.scan(pair.left / "none")
    with pytest.raises(bothways.ConfigError):
        bothways.scan(pair.left, ignore={"extension": []})


def test_the_fields_are_those_of_the_command_line(pair: Pair) -> None:
    """The dataclasses are made of the schemas; here the documents themselves are looked at."""
    (pair.left / "a").write_text("x")
    session = pair.session()
    raw = json.loads(session._raw.sync(False, None))
    made = reports.SyncReport._of(raw)
    assert set(raw) <= set(made.__dataclass_fields__)
    status = json.loads(session._raw.status(24))
    assert set(status) <= set(reports.StatusReport.__dataclass_fields__)
    assert session.check().is_clean and session.scan().both.files == 1
    assert session.resync("a").same == 1
