"""How long a plan of 90,000 x 3 rows takes from Python.

Side by side in one process: the rows iterated once, our plan, the Rust call alone on the same rows, and an
implementation of the same decision in Python alone, whose plan is compared with ours before anything is measured.
Promised: at most twice the Rust call plus the iteration, and ten times as fast as pure Python.

Run by `cargo xtask bench python`; `--rows`, `--rounds` and `--strict` may follow.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import pure

import bothways
from bothways import _bothways


@dataclasses.dataclass
class Row:
    """A row as a script has it."""

    __slots__ = ("mtime_ns", "path", "size")
    path: str
    size: int
    mtime_ns: int


def rows(count: int, seed: int) -> list[Row]:
    """An office-like tree: some 13 files in a folder, folders in folders."""
    source = random.Random(seed)
    folders = [""]
    while len(folders) < count // 13 + 1:
        parent = source.choice(folders[: len(folders) // 8 + 1])
        folders.append(f"{parent}{source.choice(['Project', 'Letters', '2026', 'Archive'])} {len(folders)}/")
    endings = [".docx", ".xlsx", ".pdf", ".txt", ".jpg"]
    made = []
    for number in range(count):
        path = f"{source.choice(folders)}Document {number}{source.choice(endings)}"
        made.append(Row(path, source.randrange(1, 1 << 22), 1_700_000_000_000_000_000 + source.randrange(10**16)))
    # As a walk of a folder yields them: folder by folder.
    made.sort(key=lambda row: (row.path.rpartition("/")[0], row.path))
    return made


def changed(base: list[Row], seed: int, share: float) -> list[Row]:
    """The same tree with some files edited, deleted and made."""
    source = random.Random(seed)
    now = []
    for row in base:
        dice = source.random() / share if share else 9.0
        later = row.mtime_ns + 60 * 10**9
        if dice < 0.5:
            now.append(Row(row.path, row.size + seed, later + seed))
        elif dice < 0.7:
            continue
        elif dice < 1.0:
            now.append(row)
            now.append(Row(f"{row.path}.new", row.size + (1 << 23), later))
        else:
            now.append(row)
    return now


def best(times: list[float]) -> float:
    return statistics.median(times)


def timed(work: Callable[[], Any]) -> float:
    gc.collect()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def iterate(*trees: list[Row]) -> None:
    for tree in trees:
        for _ in tree:
            pass


def words(plan: bothways.Plan) -> list[tuple[str, str, str]]:
    return [(step.action, str(step.path), str(step.to or "")) for step in plan.steps]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=90_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--strict", action="store_true", help="fail when a target is missed")
    chosen = parser.parse_args()
    missed = False
    print(f"{chosen.rows} x 3 rows, median of {chosen.rounds} rounds, milliseconds")
    print(f"{'':22}{'iterate':>9}{'Rust':>9}{'plan':>9}{'limit':>9}{'pure':>9}{'times':>8}")
    for name, share in [("nothing to do", 0.0), ("1 % changed a side", 0.01), ("a first meeting", -1.0)]:
        base = rows(chosen.rows, 1)
        if share < 0:
            before, left, right = [], base, base[: len(base) // 2]
        else:
            before, left, right = base, changed(base, 2, share), changed(base, 3, share)
        ours = words(bothways.plan(before, left, right))
        theirs = pure.plan(before, left, right)
        if ours != theirs:
            print(f"the two plans differ: {len(ours)} and {len(theirs)} steps", file=sys.stderr)
            for one, other in zip(ours, theirs):
                if one != other:
                    print(one, other, file=sys.stderr)
                    break
            return 1
        times: dict[str, list[float]] = {"iterate": [], "rust": [], "plan": [], "pure": []}
        for _ in range(chosen.rounds):
            times["iterate"].append(timed(lambda: iterate(before, left, right)))
            times["plan"].append(timed(lambda: bothways.plan(before, left, right)))
            times["rust"].append(_bothways.time_of_decision(before, left, right))
            times["pure"].append(timed(lambda: pure.plan(before, left, right)))
        once, rust, plan, alone = (best(times[word]) * 1000 for word in ("iterate", "rust", "plan", "pure"))
        limit = 2 * rust + once
        missed |= plan > limit or alone < 10 * plan
        print(f"{name:22}{once:9.1f}{rust:9.1f}{plan:9.1f}{limit:9.1f}{alone:9.1f}{alone / plan:7.1f}x")
    return int(missed and chosen.strict)


if __name__ == "__main__":
    sys.exit(main())
