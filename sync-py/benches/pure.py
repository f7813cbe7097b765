"""The decision of `bothways.plan` for rows of files, in Python alone: what the benchmark compares with.

It does what ours does for the same rows: refuses what is no path, knows folders that nobody named, tells states, asks the
matrix, names clash copies, orders the steps, and guards. It leaves out what the benchmark's rows do not have: contents,
renames, properties, links and folding names.
"""

from __future__ import annotations

import os
from datetime import datetime, timezone
from typing import Any

Step = tuple[str, str, str]
SOFT = 20 << 20
# Times this near, in nanoseconds, are the same time: then the left side counts as newer.
PRECISION = 1


def checked(rows: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for row in rows:
        path = row.path
        if path in found:
            raise ValueError(f"{path} is there more than once")
        for part in path.split("/"):
            if part in ("", ".", "..") or "\0" in part:
                raise ValueError(f"{path} is no path")
        if not isinstance(row.size, int) or not isinstance(row.mtime_ns, int) or row.size < 0:
            raise ValueError(f"{path} says no version")
        if path.startswith((".bothways/", ".sync_trash/")):
            continue
        found[path] = row
    return found


def folders_of(rows: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for path in rows:
        folder = path.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    if not found.isdisjoint(rows):
        raise ValueError("something lies below a file")
    return found


def walk_order(path: str) -> bytes:
    """A folder comes right before what lies in it."""
    return os.fsencode(path).replace(b"/", b"\0")


def same(one: Any, other: Any) -> bool:
    return bool(one.size == other.size and one.mtime_ns == other.mtime_ns)


def clash(path: str, mtime_ns: int, taken: set[str]) -> str:
    folder, slash, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    stamp = datetime.fromtimestamp(mtime_ns // 10**9, timezone.utc).strftime("%Y%m%d%H%M")
    number = 1
    while True:
        more = "" if number == 1 else f" ({number})"
        made = f"{folder}{slash}{stem} - clash {stamp}{more}{dot}{ending}"
        if made not in taken:
            taken.add(made)
            return made
        number += 1


def plan(baseline: list[Any], left: list[Any], right: list[Any]) -> tuple[list[Step], bool]:
    """The steps in their order, and whether a person should look first."""
    base, one, other = checked(baseline), checked(left), checked(right)
    was, here, there = folders_of(base), folders_of(one), folders_of(other)
    # A folder that nobody names is not gone with its last file.
    if one:
        here |= was
    if other:
        there |= was
    dirs: list[tuple[bytes, Step]] = []
    for folder in (here | there) - was:
        if folder not in there:
            dirs.append((walk_order(folder), ("MKDIR_RIGHT", folder, "")))
        elif folder not in here:
            dirs.append((walk_order(folder), ("MKDIR_LEFT", folder, "")))
    copies: list[tuple[int, int, bytes, list[Step]]] = []
    deletes: list[tuple[bytes, Step]] = []
    names = set(one) | set(other)
    taken: list[str] = []
    for path in sorted(base.keys() | one.keys() | other.keys(), key=walk_order):
        agreed, l, r = base.get(path), one.get(path), other.get(path)
        l_state = state(agreed, l)
        r_state = state(agreed, r)
        if l_state == r_state and l_state in ("unchanged", "deleted", "absent"):
            continue
        if l_state in ("created", "modified") and r_state in ("created", "modified"):
            if same(l, r):
                continue
            newer = "LEFT" if l.mtime_ns + PRECISION >= r.mtime_ns else "RIGHT"
            older = "RIGHT" if newer == "LEFT" else "LEFT"
            kept, wins = (r, l) if newer == "LEFT" else (l, r)
            name = clash(path, kept.mtime_ns, names)
            steps = [
                ("CLASH_CREATE", path, name),
                ("CLASH_CREATE", name, ""),
                (f"COPY_{newer}_TO_{older}", path, ""),
            ]
            copies.append((kept.size + wins.size, kept.mtime_ns, walk_order(path), steps))
        elif l_state in ("created", "modified") or (l_state == "unchanged" and r_state == "absent"):
            copies.append((l.size, l.mtime_ns, walk_order(path), [("COPY_LEFT_TO_RIGHT", path, "")]))
            taken += ["RIGHT"] if r else []
        elif r_state in ("created", "modified"):
            copies.append((r.size, r.mtime_ns, walk_order(path), [("COPY_RIGHT_TO_LEFT", path, "")]))
            taken += ["LEFT"] if l else []
        elif l_state == "deleted":
            soft = "SOFT_" if r.size <= SOFT else ""
            deletes.append((walk_order(path), (f"{soft}DELETE_RIGHT", path, "")))
            taken.append("RIGHT")
        elif r_state == "deleted":
            soft = "SOFT_" if l.size <= SOFT else ""
            deletes.append((walk_order(path), (f"{soft}DELETE_LEFT", path, "")))
            taken.append("LEFT")
    dirs.sort()
    copies.sort(key=lambda one: one[:3])
    deletes.sort(reverse=True)
    steps = [step for _, step in dirs]
    for *_, some in copies:
        steps += some
    steps += [step for _, step in deletes]
    return steps, guard(taken, len(base), bool(base) and (not one or not other))


def state(agreed: Any, now: Any) -> str:
    if agreed is None:
        return "absent" if now is None else "created"
    if now is None:
        return "deleted"
    return "unchanged" if same(agreed, now) else "modified"


def guard(taken: list[str], files: int, emptied: bool) -> bool:
    """Whether one side lost all, or would lose or have overwritten too much of what both had."""
    many = (taken.count(side) for side in ("LEFT", "RIGHT"))
    return emptied or any(one > 20 and one * 100 > files * 50 for one in many)
