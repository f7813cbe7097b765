"""A pair of folders, and small words for what lies in them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import bothways


class Pair:
    """Two folders with a state of their own."""

    def __init__(self, base: Path) -> None:
        self.left = base / "left"
        self.right = base / "right"
        self.state = base / "state"
        self.left.mkdir()
        self.right.mkdir()

    def session(self, **config: object) -> bothways.Session:
        return bothways.Session(config or None, left=self.left, right=self.right, state_dir=self.state)

    @staticmethod
    def names(root: Path) -> dict[str, bytes]:
        """Every file of a folder with its content, without what Bothways keeps there."""
        found = {}
        for folder, inner, files in os.walk(root):
            inner[:] = [name for name in inner if name not in (".bothways", ".sync_trash")]
            for name in files:
                path = Path(folder, name)
                found[path.relative_to(root).as_posix()] = path.read_bytes()
        return found

    @property
    def is_same(self) -> bool:
        return self.names(self.left) == self.names(self.right)


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


@pytest.fixture
def until() -> Iterator[Callable[[Callable[[], bool]], None]]:
    """Waits for a condition, and not for ever."""

    def wait(condition: Callable[[], bool], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it never came true"
            time.sleep(0.02)

    yield wait
