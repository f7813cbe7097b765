"""Signals, threads, callbacks, logging."""

from __future__ import annotations

import copy
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import bothways

from conftest import Pair

Until = Callable[[Callable[[], bool]], None]


def fill(root: Path, count: int, size: int = 2000) -> None:
    for number in range(count):
        folder = root / f"d{number % 20}"
        folder.mkdir(exist_ok=True)
        (folder / f"f{number}").write_bytes(os.urandom(size))


def test_progress_is_told(pair: Pair) -> None:
    fill(pair.left, 50)
    told: list[bothways.Progress] = []
    assert pair.session().sync(progress=told.append).is_clean
    assert {one.phase for one in told} == {"scan", "act"}
    last = told[-1]
    assert last.phase == "act" and last.total == 70 and last.bytes == last.total_bytes == 100_000
    assert "act" in repr(last) and last == last and last != told[0]


def test_a_callback_that_raises_stops_the_run_and_surfaces(pair: Pair) -> None:
    fill(pair.left, 300, 50_000)

    class Mine(Exception):
        pass

    def tell(progress: bothways.Progress) -> None:
        if progress.phase == "act":
            raise Mine(progress.phase)

    session = pair.session()
    with pytest.raises(Mine, match="act"):
        session.sync(progress=tell)
    with pytest.raises(TypeError):
        session.sync(progress=5)  # type: ignore[arg-type]
    # The next one goes on from there.
    assert session.sync().is_clean and pair.is_same


SCRIPT = """
import signal, sys, bothways
signal.signal(signal.SIGINT, signal.default_int_handler)
session = bothways.Session({"performance": {"bandwidth_limit": "200 KiB"}}, left=sys.argv[1], right=sys.argv[2], state_dir=sys.argv[3])
seen = []
def tell(progress):
    if progress.phase == "act" and not seen:
        seen.append(progress)
        print("acting", flush=True)
try:
    session.sync(progress=tell)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.exit(7)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are Unix's")
def test_ctrl_c_stops_cleanly(pair: Pair) -> None:
    fill(pair.left, 60, 100_000)
    arguments = [sys.executable, "-c", SCRIPT, str(pair.left), str(pair.right), str(pair.state)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "acting\n"
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (out, process.returncode) == ("interrupted\n", 7)
    assert not pair.is_same
    session = pair.session()
    assert session.status().left_undone > 0
    assert session.history().runs[0].outcome == "stopped"
    assert session.sync().is_clean and pair.is_same


def test_the_interpreter_is_free_meanwhile_and_another_thread_may_stop_it(pair: Pair) -> None:
    fill(pair.left, 40, 100_000)
    session = pair.session(performance={"bandwidth_limit": "200 KiB"})
    acting = threading.Event()
    reports: list[object] = []

    def tell(progress: bothways.Progress) -> None:
        if progress.phase == "act":
            acting.set()

    thread = threading.Thread(target=lambda: reports.append(session.sync(progress=tell)))
    thread.start()
    assert acting.wait(60)
    turns = 0
    end = time.monotonic() + 0.2
    while time.monotonic() < end:
        turns += 1
    assert turns > 1000, "this thread hardly ran"
    session.stop()
    thread.join(60)
    assert not thread.is_alive()
    (report,) = reports
    assert isinstance(report, bothways.reports.SyncReport) and report.cancelled and report.left_undone


def test_threads_take_turns(pair: Pair) -> None:
    fill(pair.left, 20)
    session = pair.session()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(3):
                session.sync()
                session.status()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == [] and pair.is_same


def test_the_engine_logs_to_python(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    (pair.left / "a\nb").write_text("x") if os.name == "posix" else (pair.left / "ab").write_text("x")
    with caplog.at_level(logging.INFO, logger="bothways"):
        pair.session().sync()
    copies = [record for record in caplog.records if getattr(record, "bothways", {}).get("operation") == "copy"]
    assert copies and copies[0].name == "bothways.engine" and copies[0].levelno == logging.INFO
    assert "\n" not in copies[0].getMessage()
    caplog.clear()
    with caplog.at_level(logging.ERROR, logger="bothways"):
        (pair.left / "c").write_text("x")
        pair.session().sync()
    assert not caplog.records


def test_a_log_handler_may_do_anything(pair: Pair) -> None:
    """A handler that waits for another thread that needs the interpreter: nothing waits for each other."""
    fill(pair.left, 30)
    seen: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            helper = threading.Thread(target=lambda: seen.append(record.getMessage()))
            helper.start()
            helper.join()

    logger = logging.getLogger("bothways")
    handler = Handler()
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        assert pair.session().sync().is_clean
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    assert len(seen) > 30


def test_a_live_session(pair: Pair, until: Until) -> None:
    (pair.left / "first").write_text("1")
    cycles: list[bothways.reports.SyncReport] = []
    session = pair.session(live={"debounce_ms": 50}, sync_interval_seconds=1)
    with session.run(on_cycle=cycles.append) as run:
        assert run.wait_ready(60) and run.is_running
        until(lambda: (pair.right / "first").exists())
        (pair.right / "second").write_text("2")
        until(lambda: (pair.left / "second").exists())
        until(lambda: len(cycles) >= 2)
        run.stop()
        assert not run.is_running
    assert pair.is_same and run.last is not None
    # The state is free again, and a run is started once.
    assert session.sync().is_clean
    with pytest.raises(bothways.UsageError, match="before"), run:
        pass


def test_what_ends_a_live_session_surfaces(pair: Pair, until: Until) -> None:
    (pair.left / "first").write_text("1")

    class Mine(Exception):
        pass

    def tell(report: object) -> None:
        raise Mine("from a cycle")

    with pytest.raises(Mine, match="from a cycle"), pair.session().run(on_cycle=tell) as run:
        until(lambda: not run.is_running)
    with pytest.raises(KeyError), pair.session().run():
        raise KeyError("of the block")


def test_a_run_and_what_it_is_told(pair: Pair, until: Until) -> None:
    """Waiting for a run that never becomes ready ends with it; and a run's end stops nothing but the run."""
    session = pair.session()
    run = session.run()
    with pytest.raises(bothways.UsageError, match="not begun"):
        run.wait_ready(0)
    assert "not running" in repr(run)
    away = pair.right.with_name("away")
    pair.right.rename(away)
    waits: list[str] = []
    with session.run(on_wait=waits.append) as run:
        until(lambda: bool(waits))
        assert "right" in waits[0]
        answers: list[bool] = []
        thread = threading.Thread(target=lambda: answers.append(run.wait_ready()))
        thread.start()
        run.stop()
        thread.join(60)
        assert not thread.is_alive() and answers == [False]
    away.rename(pair.right)
    assert session.sync().is_clean


def test_what_a_block_hides_is_logged(pair: Pair, until: Until, caplog: pytest.LogCaptureFixture) -> None:
    (pair.left / "first").write_text("1")

    def tell(report: object) -> None:
        raise OverflowError("from a cycle")

    with pytest.raises(KeyError, match="of the block"), pair.session().run(on_cycle=tell) as run:
        until(lambda: not run.is_running)
        raise KeyError("of the block")
    assert "from a cycle" in caplog.text and "OverflowError" in caplog.text


def test_a_callback_may_ask_the_session(pair: Pair) -> None:
    """A call from a callback waits for the turn, which the outer call gives back when the engine is done."""
    fill(pair.left, 5)
    session = pair.session()
    asked: list[object] = []

    def tell(progress: bothways.Progress) -> None:
        if not asked:
            asked.append(None)
            asked.append(session.status().in_sync)

    assert session.sync(progress=tell).is_clean and len(asked) == 2


def test_a_log_handler_that_raises_surfaces_and_keeps_nothing_back(pair: Pair) -> None:
    fill(pair.left, 30)
    seen: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())
            if len(seen) == 2:
                raise LookupError("of the handler")

    logger = logging.getLogger("bothways")
    handler = Handler()
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        with pytest.raises(LookupError, match="of the handler"):
            pair.session().sync()
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    assert len(seen) > 2


def test_a_run_that_nobody_ends_ends_with_the_interpreter(pair: Pair) -> None:
    (pair.left / "first").write_text("1")
    words = (
        "import sys, bothways\n"
        "run = bothways.Session(left=sys.argv[1], right=sys.argv[2], state_dir=sys.argv[3]).run()\n"
        "run.__enter__().wait_ready(60)\n"
    )
    arguments = [sys.executable, "-c", words, str(pair.left), str(pair.right), str(pair.state)]
    done = subprocess.run(arguments, timeout=60, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert pair.session().sync().is_clean


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_after_a_fork(pair: Pair) -> None:
    (pair.left / "a").write_text("x")
    session = pair.session()
    session.plan()
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if session.sync().is_clean else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0 and pair.is_same


FORKS = """
import os, sys, threading, bothways
left, right, state = sys.argv[1:4]
new = lambda **config: bothways.Session(config or None, left=left, right=right, state_dir=state)

def child(job):
    process = os.fork()
    if process == 0:
        code = 9
        try:
            code = job() or 0
        except bothways.UsageError as error:
            code = 3 if "forked" in str(error) else 4
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])

idle = new()
idle.plan()
busy = new(live={"debounce_ms": 50})
with busy.run() as run:
    assert run.wait_ready(60)
    # The one that is at work is the parent's; another one asks it, like any process does.
    print("busy", child(lambda: busy.status() and 1))
    print("idle", child(lambda: 0 if idle.status().live.process == os.getppid() else 5))
    print("new", child(lambda: 0 if new().sync().is_clean else 5))
    print("closing", child(lambda: busy.close() or busy.stop()))
    assert run.is_running
acting = threading.Event()
slow = new(performance={"bandwidth_limit": "100 KiB"})
open(left + "/large", "wb").write(os.urandom(1_000_000))
thread = threading.Thread(target=lambda: slow.sync(progress=lambda one: one.phase == "act" and acting.set()))
thread.start()
assert acting.wait(60)
print("mid-sync", child(lambda: slow.status() and 1))
def locked():
    try:
        new().sync()
    except bothways.LockedError as error:
        return 0 if error.holder == os.getppid() else 6
print("locked", child(locked))
slow.stop()
thread.join(60)
print("after", new().sync().is_clean)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.skipif(sys.version_info < (3, 9), reason="waitstatus_to_exitcode")
def test_a_fork_in_the_middle(pair: Pair) -> None:
    """What was at work in the parent says so in the child; anything else works; nothing hangs."""
    (pair.left / "a").write_text("x")
    arguments = [sys.executable, "-W", "ignore", "-c", FORKS, str(pair.left), str(pair.right), str(pair.state)]
    done = subprocess.run(arguments, timeout=100, capture_output=True, text=True)
    wanted = ["busy 3", "idle 0", "new 0", "closing 0", "mid-sync 3", "locked 0", "after True"]
    assert (done.stdout.splitlines(), done.returncode) == (wanted, 0), done.stderr


LOGS = """
import logging, os, sys, threading, bothways
logging.getLogger("bothways").setLevel(5)
logging.getLogger("bothways").addHandler(logging.NullHandler())
left, right, state = sys.argv[1:4]
ends = threading.Event()
def work():
    while not ends.is_set():
        bothways.Session(left=left, right=right, state_dir=state).plan()
thread = threading.Thread(target=work)
thread.start()
for number in range(40):
    child = os.fork()
    if child == 0:
        list(bothways.scan(right))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
ends.set()
thread.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_forks_while_others_log(pair: Pair) -> None:
    fill(pair.left, 50, 10)
    arguments = [sys.executable, "-W", "ignore", "-c", LOGS, str(pair.left), str(pair.right), str(pair.state)]
    done = subprocess.run(arguments, timeout=100, capture_output=True, text=True)
    assert (done.stderr, done.returncode) == ("", 0)


def test_handles_are_neither_copied_nor_pickled(pair: Pair) -> None:
    (pair.left / "a").write_text("x")
    session = pair.session()
    plan = bothways.plan([], [("a", 1, 1)], [])
    for handle in (session, session.run(), session._raw, bothways.scan(pair.left), plan):
        for way in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match="pickle|copied"):
                way(handle)


def test_reports_and_exceptions_travel_between_processes(pair: Pair, tmp_path: Path) -> None:
    (pair.left / "a").write_text("x")
    report = pair.session().sync()
    assert pickle.loads(pickle.dumps(report)) == report
    with pytest.raises(bothways.RootError) as caught:
        bothways.Session(left=tmp_path / "none", right=pair.right, state_dir=pair.state).sync()
    error = caught.value
    again = pickle.loads(pickle.dumps(error))
    for name in ("errno", "strerror", "filename", "side", "args"):
        assert getattr(again, name) == getattr(error, name) and getattr(error, name)
    assert type(again) is bothways.RootError and str(again) == str(error)
    for kind in (bothways.LockedError, bothways.HaltedError, bothways.ConfigError, bothways.StateIoError):
        assert str(pickle.loads(pickle.dumps(kind("why")))) == "why"


def test_exceptions_are_one_tree() -> None:
    for name in dir(bothways):
        value = getattr(bothways, name)
        if isinstance(value, type) and issubclass(value, BaseException):
            assert issubclass(value, bothways.Error), name
