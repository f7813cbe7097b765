"""A session that runs in another process, or in this one, and what is asked of it."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path, PurePath

import pytest

import bothways
from bothways import reports

from conftest import Pair

Until = Callable[[Callable[[], bool]], None]

RUNS = """
import json, sys, bothways
config = {"live": {"debounce_ms": 50}, "sync_interval_seconds": 1, **json.loads(sys.argv[4])}
session = bothways.Session(config, left=sys.argv[1], right=sys.argv[2], state_dir=sys.argv[3])
with session.run() as run:
    if run.wait_ready(60):
        print("ready", flush=True)
        sys.stdin.read()
"""


class Elsewhere:
    """Another process in which a session of a pair runs."""

    def __init__(self, pair: Pair, config: dict[str, object]) -> None:
        words = [sys.executable, "-c", RUNS, str(pair.left), str(pair.right), str(pair.state), json.dumps(config)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Elsewhere:
        assert self.process.stdout is not None and self.process.stdout.readline() == "ready\n"
        return self

    def end(self) -> None:
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        assert self.process.wait(60) == 0

    def __exit__(self, *_: object) -> None:
        try:
            if self.process.poll() is None:
                self.end()
        finally:
            self.process.kill()
            self.process.wait()
            for stream in (self.process.stdin, self.process.stdout):
                if stream is not None:
                    stream.close()


@pytest.fixture
def elsewhere(pair: Pair) -> Callable[..., Elsewhere]:
    return lambda **config: Elsewhere(pair, config)


def test_a_session_elsewhere_answers_as_one_opened_here(
    pair: Pair, elsewhere: Callable[..., Elsewhere], until: Until
) -> None:
    """The same calls, with and without one that runs: the same results, the same exceptions."""
    (pair.left / "d").mkdir()
    (pair.left / "d/a.txt").write_text("base")
    session = pair.session(conflict={"same_file_changed_both": "notify"})
    assert not session.is_running
    with pytest.raises(bothways.NotRunningError, match="running"):
        session.pause()
    assert session.sync().is_clean

    def errors() -> list[tuple[type, str]]:
        found = []
        calls: list[Callable[[], object]] = [
            lambda: session.details(99),
            lambda: session.undo(99),
            lambda: session.conflict("d/a.txt"),
            lambda: session.explain("../outside"),
            lambda: session.resolve("none", keep="left"),
            lambda: session.restore("none", to="../x"),
        ]
        for call in calls:
            try:
                found.append((object, type(call()).__name__))
            except bothways.Error as error:
                found.append((type(error), str(error)))
        return found

    alone = errors()
    assert alone[0][0] is bothways.UsageError
    with elsewhere(conflict={"same_file_changed_both": "notify"}) as other:
        assert session.is_running
        assert errors() == alone
        # Looking.
        status = session.status()
        assert status.live is not None and status.live.process == other.process.pid
        assert status.live.since.tzinfo is timezone.utc and status.live.busy_since_ns is None
        assert session.plan().counts == {} and session.explain("d/a.txt").rule == "unchanged"
        assert session.scan().both.files == 1
        # It looks from outside, finds who has the state, and nothing wrong with that.
        check = session.check()
        assert check.is_clean and str(other.process.pid) in check.findings[0].message
        assert [run.kind for run in session.history().runs][-1] == "sync"
        # Acting.
        assert session.pause().paused and not session.pause().changed
        (pair.left / "d/a.txt").write_text("left version")
        (pair.right / "d/a.txt").write_text("right one")
        (pair.left / "new").write_text("n")
        assert session.status().live.paused_since is not None  # type: ignore[union-attr]
        report = session.sync()
        assert report.conflicts[0].path == PurePath("d/a.txt") and (pair.right / "new").read_text() == "n"
        resumed = session.resume()
        assert resumed.changed and not resumed.paused
        assert session.conflicts().open == 1 and session.conflict("d/a.txt").diff is not None
        assert session.resolve("d/a.txt", keep="right").is_clean
        assert (pair.left / "d/a.txt").read_text() == "right one"
        assert session.resync("d/a.txt").is_clean
        (pair.left / "new").unlink()
        until(lambda: not (pair.right / "new").exists())
        # It lies there before it is on record.
        until(lambda: [item.reason for item in session.trash("new").items] == ["deleted"])
        (item,) = session.trash("new").items
        assert item.run is not None and session.undo(item.run, dry_run=True).counts == {"RESTORE_RIGHT": 1}
        assert session.restore("new").is_clean
        until(lambda: (pair.left / "new").exists() and (pair.right / "new").exists())
        file = pair.left.parent / "plan.json"
        assert session.plan(output=file).counts == {}
        assert session.sync_reviewed(file).planned == 0
        assert session.purge(all=True, dry_run=True).dry_run
    assert not session.is_running and session.sync().is_clean and pair.is_same


def test_a_halted_plan_is_approved_there(pair: Pair, elsewhere: Callable[..., Elsewhere], until: Until) -> None:
    for number in range(30):
        (pair.left / f"f{number}").write_text("x")
    session = pair.session()
    session.sync()
    with elsewhere():
        for number in range(30):
            (pair.left / f"f{number}").unlink()
        (pair.left / "one").write_text("x")
        until(lambda: session.status().halt is not None)
        # Some may have gone before so many had.
        assert pair.names(pair.right).keys() - {"one"}
        assert session.sync().halt is not None
        assert session.sync(approve=True).halt is None
        until(lambda: pair.is_same)


def test_what_cannot_be_asked_of_it(pair: Pair, elsewhere: Callable[..., Elsewhere]) -> None:
    (pair.left / "first").write_text("1")
    session = pair.session()
    with elsewhere() as other:
        with pytest.raises(bothways.LockedError, match="stop it first") as caught:
            session.apply(bothways.plan([], [], []))
        assert caught.value.holder == other.process.pid and str(other.process.pid) in str(caught.value)
        with pytest.raises(bothways.LockedError, match="stop it first"), session.run():
            pytest.fail("two sessions cannot run")
        assert session.status().live is not None
        # Another pair that was given the same state is not taken for this one.
        for name in ("l2", "r2"):
            (pair.left.parent / name).mkdir()
        stranger = bothways.Session(
            left=pair.left.parent / "l2", right=pair.left.parent / "r2", state_dir=pair.state
        )
        with pytest.raises(bothways.LockedError, match="another pair"):
            stranger.status()


def test_this_process_runs_one(pair: Pair, until: Until) -> None:
    """The object that runs it, and any other one of the pair, are answered by it; also from its own callbacks."""
    (pair.left / "first").write_text("1")
    session = pair.session(live={"debounce_ms": 50})
    answers: list[object] = []

    def cycle(report: reports.SyncReport) -> None:
        # What only looks never fails because the session is about to end.
        session.status()
        session.history(limit=1)
        if not answers:
            answers.append(session.sync().finished)

    with session.run(on_cycle=cycle) as run:
        assert run.wait_ready(60)
        for other in (session, pair.session()):
            status = other.status()
            assert status.live is not None and status.live.process == os.getpid()
            assert other.is_running and other.sync().is_clean
            with pytest.raises(bothways.LockedError) as caught:
                other.apply(bothways.plan([], [], []))
            assert caught.value.holder == os.getpid()
            with pytest.raises(bothways.LockedError), other.run():
                pytest.fail("two sessions cannot run")
        (pair.right / "second").write_text("2")
        until(lambda: (pair.left / "second").exists() and bool(answers))
        assert run.is_running
    assert session.apply(bothways.plan([], [], [])).is_clean


def test_a_configuration_file_is_followed(pair: Pair, tmp_path: Path, until: Until) -> None:
    """As by the command line; folders that are named besides stay those."""
    file = tmp_path / "pair.toml"
    words = "left_root = 'elsewhere'\nright_root = 'nowhere'\nsync_interval_seconds = 1\n[ignore]\nextensions = [{}]\n"
    file.write_text(words.format("'one'"))
    (pair.left / "a.one").write_text("1")
    (pair.left / "b").write_text("2")
    session = bothways.Session(file, left=pair.left, right=pair.right, state_dir=pair.state)
    with session.run() as run:
        assert run.wait_ready(60)
        until(lambda: (pair.right / "b").exists())
        assert not (pair.right / "a.one").exists()
        file.write_text(words.format("'another'"))
        until(lambda: (pair.right / "a.one").exists())


def test_threads_ask_it_at_once(pair: Pair, elsewhere: Callable[..., Elsewhere]) -> None:
    (pair.left / "first").write_text("1")
    session = pair.session()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(3):
                assert session.status().live is not None
                session.sync()
                session.explain("first")
        except BaseException as error:
            failures.append(error)

    with elsewhere():
        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
    assert failures == []


# ---- somebody who does not want to wait

SLOW: dict[str, object] = {"performance": {"bandwidth_limit": "100 KiB", "large_file_bytes": "64 KiB"}}


@pytest.mark.parametrize("how", ["stop", "close"])
def test_it_is_waited_for_and_stopped_from_another_thread(
    pair: Pair, elsewhere: Callable[..., Elsewhere], until: Until, how: str
) -> None:
    (pair.left / "first").write_text("1")
    asking, session = pair.session(), pair.session()
    reported: list[reports.SyncReport] = []
    told: list[bothways.Progress] = []
    with elsewhere(**SLOW):
        (pair.left / "large").write_bytes(os.urandom(100_000_000))
        thread = threading.Thread(target=lambda: reported.append(asking.sync(progress=told.append)))
        thread.start()
        until(lambda: bool(told) and session.status().live.copying != ())  # type: ignore[union-attr]
        # It answers others meanwhile.
        assert session.history().runs
        begun = time.monotonic()
        getattr(asking, how)()
        thread.join(60)
        assert not thread.is_alive() and time.monotonic() - begun < 20
        (report,) = reported
        assert report.cancelled and not report.is_clean
        # What was begun there is its own to do, in its turn.
        assert session.is_running
        (pair.left / "large").unlink()


def test_a_callback_that_raises_leaves_it(pair: Pair, elsewhere: Callable[..., Elsewhere]) -> None:
    (pair.left / "first").write_text("1")

    class Mine(Exception):
        pass

    def tell(progress: bothways.Progress) -> None:
        raise Mine(progress.phase)

    session = pair.session()
    with elsewhere(**SLOW):
        (pair.left / "large").write_bytes(os.urandom(100_000_000))
        with pytest.raises(Mine):
            session.sync(progress=tell)
        assert session.status().live is not None
        (pair.left / "large").unlink()


ASKS = """
import signal, sys, time, bothways
signal.signal(signal.SIGINT, signal.default_int_handler)
session = bothways.Session(left=sys.argv[1], right=sys.argv[2], state_dir=sys.argv[3])
seen = []
def tell(progress):
    if not seen:
        seen.append(progress)
        print("asked", flush=True)
if sys.argv[4] == "says":
    print("asked", flush=True)
try:
    session.sync(progress=tell)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.exit(7)
"""


class Asks:
    """A process that asks for a sync and is interrupted."""

    def __init__(self, pair: Pair, how: str) -> None:
        words = [sys.executable, "-c", ASKS, str(pair.left), str(pair.right), str(pair.state), how]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True)

    def interrupted(self, then: Callable[[], object]) -> tuple[str, str, float]:
        with self.process as process:
            try:
                assert process.stdout is not None and process.stdout.readline() == "asked\n"
                then()
                begun = time.monotonic()
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=60)
            finally:
                process.kill()
        assert (out, process.returncode) == ("interrupted\n", 7), err
        return out, err, time.monotonic() - begun


posix = pytest.mark.skipif(os.name != "posix", reason="signals are Unix's")


@posix
def test_ctrl_c_does_not_wait_for_it(pair: Pair, elsewhere: Callable[..., Elsewhere], until: Until) -> None:
    (pair.left / "first").write_text("1")
    session = pair.session()
    with elsewhere(**SLOW):
        (pair.left / "large").write_bytes(os.urandom(100_000_000))
        copies = lambda: session.status().live.copying != ()  # type: ignore[union-attr]  # noqa: E731
        _, err, seconds = Asks(pair, "tells").interrupted(lambda: until(copies))
        assert seconds < 9
        assert "goes on keeping both folders the same" in err
        # As it said: the session goes on with it.
        assert session.is_running
        (pair.left / "second").write_text("2")
        until(lambda: (pair.right / "second").exists())
        until(copies)
        (pair.left / "large").unlink()


@posix
def test_ctrl_c_while_the_other_process_hangs(pair: Pair, elsewhere: Callable[..., Elsewhere]) -> None:
    """A session that is stopped by its terminal, or swapped out, does not even greet."""
    (pair.left / "first").write_text("1")
    with elsewhere() as other:
        other.process.send_signal(signal.SIGSTOP)
        try:
            # Whether it has knocked by then or not, the same must come of it.
            _, err, seconds = Asks(pair, "says").interrupted(lambda: time.sleep(0.5))
        finally:
            other.process.send_signal(signal.SIGCONT)
        assert seconds < 9
        assert pair.session().sync().is_clean


@posix
def test_it_ends_in_the_middle(pair: Pair, elsewhere: Callable[..., Elsewhere], until: Until) -> None:
    """Killed, or ended in good order: a clear exception, and the next call is carried out here."""
    (pair.left / "first").write_text("1")
    session = pair.session()
    for end in (lambda other: other.process.kill(), lambda other: other.end()):
        raised: list[BaseException] = []

        def work() -> None:
            try:
                session.sync()
            except BaseException as error:
                raised.append(error)

        with elsewhere(**SLOW) as other:
            (pair.left / "large").write_bytes(os.urandom(100_000_000))
            thread = threading.Thread(target=work)
            thread.start()
            until(lambda: session.status().live.copying != ())  # type: ignore[union-attr]
            end(other)
            thread.join(60)
            assert not thread.is_alive()
            other.process.wait(60)
        (error,) = raised
        assert isinstance(error, bothways.RunningSessionError) and "ended" in str(error), repr(error)
        (pair.left / "large").unlink()
        assert not session.is_running and session.sync().is_clean and pair.is_same


def test_a_root_that_is_away_is_the_same_exception_there(
    pair: Pair, elsewhere: Callable[..., Elsewhere], until: Until
) -> None:
    (pair.left / "first").write_text("1")
    session = pair.session()
    session.sync()
    away = pair.right.with_name("away")
    with elsewhere():
        pair.right.rename(away)
        until(lambda: session.status().live.waits_for is not None)  # type: ignore[union-attr]
        with pytest.raises(bothways.RootError) as there:
            session.sync()
        away.rename(pair.right)
        until(lambda: session.status().live.waits_for is None)  # type: ignore[union-attr]
    pair.right.rename(away)
    with pytest.raises(bothways.RootError) as here:
        session.sync()
    away.rename(pair.right)
    for error in (there.value, here.value):
        assert error.side == "right" and error.filename == str(pair.right)
    assert (type(there.value), there.value.errno) == (type(here.value), here.value.errno)


# ---- the trash as the command line has it


def test_purge(pair: Pair) -> None:
    for name in ("one.txt", "two.txt", "big.bin"):
        (pair.left / name).write_bytes(b"x" * (10_000 if name == "big.bin" else 10))
    session = pair.session()
    session.sync()
    for name in ("one.txt", "two.txt", "big.bin"):
        (pair.left / name).unlink()
    (pair.left / "stays").write_text("y")
    session.sync(approve=True)
    assert len(session.trash().items) == 3
    assert [item.path.name for item in session.trash(min_size=1000).items] == ["big.bin"]
    assert len(session.trash(max_size=1000).items) == 2 and session.trash(versions=True).items == ()
    bad: list[Callable[[], object]] = [
        lambda: session.purge(),
        lambda: session.purge(side="right"),
        lambda: session.purge([]),
        lambda: session.purge("a", all=True),
        lambda: session.purge(older_than=timedelta(1), before=0),
        lambda: session.restore([]),
        lambda: session.trash([]),
        lambda: session.restore("a", to="b", keep_both=True),
    ]
    for call in bad:
        with pytest.raises(bothways.UsageError):
            call()
    with pytest.raises(bothways.UsageError, match="'left', 'right'"):
        session.purge(all=True, side="middle")
    assert session.purge(expired=True).purged == () and session.purge(older_than=timedelta(days=1)).purged == ()
    dry = session.purge("*.txt", dry_run=True)
    assert dry.dry_run and len(dry.purged) == 2 and len(session.trash().items) == 3
    done = session.purge("one.txt")
    assert done.is_clean and done.bytes == 10 and [one.path for one in done.purged] == [PurePath("one.txt")]
    assert session.restore("two.txt", since=datetime(2100, 1, 1, tzinfo=timezone.utc)).restored == ()
    assert session.restore("two.txt").is_clean and (pair.right / "two.txt").exists()
    assert len(session.purge(all=True).purged) == 1 and session.trash().items == ()


def test_a_replaced_version_comes_back_when_it_is_meant(pair: Pair) -> None:
    (pair.left / "a").write_text("first")
    session = pair.session(versions={"enabled": True})
    session.sync()
    (pair.left / "a").write_text("second one")
    session.sync()
    (item,) = session.trash(versions=True).items
    assert item.reason == "replaced"
    # As on the command line: without a word for it, only what was deleted.
    assert session.restore("a", keep_both=True, dry_run=True).restored == ()
    (back,) = session.restore("a", versions=True, keep_both=True).restored
    assert back.path == PurePath("a")


def test_plan_files(pair: Pair, tmp_path: Path) -> None:
    (pair.left / "a").write_text("x")
    session = pair.session()
    file = tmp_path / "plan.json"
    assert session.plan(output=file).counts == {"COPY_LEFT_TO_RIGHT": 1}
    (pair.left / "later").write_text("y")
    report = session.sync_reviewed(os.fsencode(file))
    assert report.planned == 1 and report.done == {"COPY_LEFT_TO_RIGHT": 1}
    assert (pair.right / "a").exists() and not (pair.right / "later").exists()
    with pytest.raises(bothways.IoError) as caught:
        session.sync_reviewed(tmp_path / "none.json")
    assert isinstance(caught.value, OSError) and caught.value.filename == str(tmp_path / "none.json")
    with pytest.raises(OSError):
        session.plan(output=tmp_path / "no folder" / "plan.json")
    file.write_text("{}")
    with pytest.raises(bothways.UsageError, match="plan file"):
        session.sync_reviewed(file)


def test_details_of_a_part(pair: Pair) -> None:
    (pair.left / "a").write_text("x")
    (pair.right / "b").write_text("y")
    session = pair.session()
    run = session.sync().run
    assert run is not None and len(session.details(run).rows) == 2
    assert [row.path for row in session.details(run, path="a").rows] == [PurePath("a")]
    assert [row.path for row in session.details(run, action="copy-right").rows] == [PurePath("b")]


def test_levels_below_the_logger_count(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    (pair.left / "a").write_text("x")
    with caplog.at_level(logging.ERROR, logger="bothways"), caplog.at_level(logging.INFO, logger="bothways.engine"):
        pair.session().sync()
    assert any(record.levelno == logging.INFO for record in caplog.records)
