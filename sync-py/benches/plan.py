"""How long a plan of 90,000 x 3 rows takes from Python.

Side by side in one process: the rows iterated once, and iterated with each of their values read; the Rust call alone;
our plan of rows that are dataclasses, and of rows that are tuples; and an implementation of the same decision in Python
alone, whose plan is compared with both of ours before anything is measured. Promised: at most twice the Rust call plus
the iteration, and ten times as fast as pure Python. Each row is measured in turn, round by round, so that what else the
machine does strikes all of them.

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


def afresh(tree: list[Row]) -> list[Row]:
    """The same rows as another scan or a database yields them: no object is shared with another tree."""
    return [Row(f"{row.path} "[:-1], row.size + 0, row.mtime_ns + 0) for row in tree]


def tuples(tree: list[Row]) -> list[tuple[str, int, int]]:
    return [(row.path, row.size, row.mtime_ns) for row in tree]


def timed(work: Callable[[], Any]) -> float:
    gc.collect()
    began = time.process_time()
    work()
    return time.process_time() - began


def iterate(*trees: list[Row]) -> None:
    for tree in trees:
        for _ in tree:
            pass


def read(*trees: list[Row]) -> None:
    for tree in trees:
        for row in tree:
            row.path
            row.size
            row.mtime_ns


def words(plan: bothways.Plan) -> list[tuple[str, str, str]]:
    return [(step.action, str(step.path), str(step.to or "")) for step in plan.steps]


def told(plan: bothways.Plan) -> tuple[list[tuple[str, str, str]], bool]:
    """What is compared: every step in its order, and whether a person is asked first."""
    if plan.problems or plan.questions:
        raise SystemExit("the rows have what pure Python here does not decide")
    return words(plan), plan.halt is not None


def differ(ours: Any, theirs: Any) -> bool:
    if ours == theirs:
        return False
    print(f"the plans differ: {len(ours[0])} and {len(theirs[0])} steps, halted {ours[1]} and {theirs[1]}", file=sys.stderr)
    for one, other in zip(ours[0], theirs[0]):
        if one != other:
            print(one, other, file=sys.stderr)
            break
    return True


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=90_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--strict", action="store_true", help="fail when a target is missed")
    chosen = parser.parse_args()
    missed = False
    print(f"{chosen.rows} x 3 rows, median of {chosen.rounds} rounds, milliseconds of processor time")
    heads = ["iterate", "read", "Rust", "limit", "plan", "tuples", "pure", "plan/limit", "pure/plan", "pure/tuples"]
    print(f"{'':22}" + "".join(f"{head:>12}" for head in heads))
    for name, share in [("nothing to do", 0.0), ("1 % changed a side", 0.01), ("a first meeting", -1.0)]:
        base = rows(chosen.rows, 1)
        if share < 0:
            before, left, right = [], base, afresh(base[: len(base) // 2])
        else:
            before, left, right = base, afresh(changed(base, 2, share)), afresh(changed(base, 3, share))
        flat = [tuples(tree) for tree in (before, left, right)]
        theirs = pure.plan(before, left, right)
        if differ(told(bothways.plan(before, left, right)), theirs) or differ(told(bothways.plan(*flat)), theirs):
            return 1
        runs: dict[str, Callable[[], float]] = {
            "iterate": lambda: timed(lambda: iterate(before, left, right)),
            "read": lambda: timed(lambda: read(before, left, right)),
            "Rust": lambda: _bothways.time_of_decision(before, left, right),
            "plan": lambda: timed(lambda: bothways.plan(before, left, right)),
            "tuples": lambda: timed(lambda: bothways.plan(*flat)),
            "pure": lambda: timed(lambda: pure.plan(before, left, right)),
        }
        times: dict[str, list[float]] = {word: [] for word in runs}
        for _ in range(chosen.rounds):
            for word, run in runs.items():
                times[word].append(run())
        took = {word: statistics.median(all_of) * 1000 for word, all_of in times.items()}
        took["limit"] = 2 * took["Rust"] + took["iterate"]
        ratios = [took["plan"] / took["limit"], took["pure"] / took["plan"], took["pure"] / took["tuples"]]
        missed |= ratios[0] > 1 or ratios[1] < 10
        line = "".join(f"{took[head]:12.1f}" for head in heads[:7]) + "".join(f"{ratio:12.2f}" for ratio in ratios)
        print(f"{name:22}{line}")
    print("promised: plan/limit at most 1, pure/plan at least 10" + (": missed" if missed else ": met"))
    return int(missed and chosen.strict)


if __name__ == "__main__":
    sys.exit(main())
