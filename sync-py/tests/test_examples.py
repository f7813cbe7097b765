"""The examples run, and the two diffs make of a script what they promise."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
VARIANTS = {"as it was": [], "our decision": ["1-decision.diff"], "our executor too": ["1-decision.diff", "2-executor.diff"]}


def run(*arguments: object, cwd: Path) -> str:
    command = [str(argument) for argument in arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(params=VARIANTS, ids=lambda name: name.replace(" ", "-"))
def script(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    for name in ("main.py", "config.yaml"):
        shutil.copy(EXAMPLES / "own_script" / name, tmp_path)
    for diff in VARIANTS[request.param]:
        run("git", "apply", EXAMPLES / "own_script" / diff, cwd=tmp_path)
    (tmp_path / "left").mkdir()
    (tmp_path / "right").mkdir()
    return lambda: run(sys.executable, "main.py", "config.yaml", cwd=tmp_path)


def files(root: Path) -> dict[str, str]:
    found = (path for path in root.rglob("*") if path.is_file())
    paths = (path for path in found if not {".bothways", ".sync_trash"} & set(path.parts))
    return {path.relative_to(root).as_posix(): path.read_text() for path in paths}


def test_the_script_in_each_of_its_forms(script: Callable[[], str], tmp_path: Path) -> None:
    left, right = tmp_path / "left", tmp_path / "right"
    (left / "docs").mkdir()
    (left / "docs/a.txt").write_text("a")
    (left / "both.txt").write_text("before")
    (left / "x.tmp").write_text("ignored")
    (right / "b.txt").write_text("b")
    script()
    assert files(right) == {"docs/a.txt": "a", "b.txt": "b", "both.txt": "before"}
    assert files(left) == {**files(right), "x.tmp": "ignored"}
    # Changed, deleted, created, and changed on both sides.
    (left / "docs/a.txt").write_text("a, changed")
    (right / "b.txt").unlink()
    (right / "new").mkdir()
    (right / "new/c.txt").write_text("c")
    (left / "both.txt").write_text("left one")
    (right / "both.txt").write_text("the right one")
    os.utime(left / "both.txt", (1_700_000_000, 1_700_000_000))
    os.utime(right / "both.txt", (1_700_000_600, 1_700_000_600))
    script()
    assert files(right) == {
        "docs/a.txt": "a, changed",
        "new/c.txt": "c",
        "both.txt": "the right one",
        "both - clash 202311142213.txt": "left one",
    }
    assert files(left) == {**files(right), "x.tmp": "ignored"}
    # Both keep what was deleted.
    assert any(path.is_file() for path in (left / ".sync_trash").rglob("b*"))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.txt")}
    script()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.txt")} == before


def test_what_the_decision_brings(tmp_path: Path) -> None:
    """A touched file is a conflict for the script as it was, and nothing to copy for ours; an emptied root halts."""
    for name in ("main.py", "config.yaml"):
        shutil.copy(EXAMPLES / "own_script" / name, tmp_path)
    run("git", "apply", EXAMPLES / "own_script/1-decision.diff", cwd=tmp_path)
    left, right = tmp_path / "left", tmp_path / "right"
    left.mkdir()
    right.mkdir()
    (left / "a").write_text("a")
    run(sys.executable, "main.py", "config.yaml", cwd=tmp_path)
    os.utime(left / "a", (1, 1))
    os.utime(right / "a", (2, 2))
    out = run(sys.executable, "main.py", "config.yaml", cwd=tmp_path)
    assert "COPY" not in out
    (left / "a").unlink()
    halted = subprocess.run(
        [sys.executable, "main.py", "config.yaml"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert halted.returncode == 1 and "root is empty" in halted.stderr and (right / "a").exists()


def test_the_tour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Where Python makes its temporary folders, whatever the system.
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(tmp_path))
    out = run(sys.executable, EXAMPLES / "tour.py", cwd=EXAMPLES)
    assert "both-changed" in out and "in sync: True" in out and "paused: True" in out
    assert list(tmp_path.iterdir()) == []
