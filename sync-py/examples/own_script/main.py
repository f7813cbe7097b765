"""A script that keeps two folders the same: own scanner, SQLite for what was, a configuration in YAML.

Run as `python main.py config.yaml`. The two diffs beside it replace its decision and then its executor by those of
Bothways; scanner, database and configuration stay.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import yaml

Config = dict[str, Any]
Scan = dict[str, dict[str, Any]]
Step = tuple[str, str, str]

TABLE = """CREATE TABLE IF NOT EXISTS files (
  path TEXT PRIMARY KEY, exists_left INTEGER, exists_right INTEGER,
  mtime_left REAL, mtime_right REAL, size_left INTEGER, size_right INTEGER)"""


def load_config(file: Path) -> Config:
    config: Config = yaml.safe_load(file.read_text())
    for side in ("left_root", "right_root"):
        config[side] = file.parent / config[side]
    return config


def ignored(name: str, config: Config) -> bool:
    ignore = config["ignore"]
    return (
        name in ignore["filenames_exact"]
        or name.startswith(tuple(ignore["filenames_prefix"]))
        or name.rpartition(".")[2] in ignore["extensions"]
    )


def scan(root: Path, config: Config) -> Scan:
    found = {}
    for folder, inner, files in os.walk(root):
        inner[:] = [name for name in inner if name not in (".sync_trash", ".bothways")]
        for name in files:
            if not ignored(name, config):
                path = Path(folder, name)
                stat = path.stat()
                found[path.relative_to(root).as_posix()] = {"size": stat.st_size, "mtime": stat.st_mtime}
    return found


def load_state(db: sqlite3.Connection) -> Scan:
    return {row["path"]: dict(row) for row in db.execute("SELECT * FROM files")}


def save_state(db: sqlite3.Connection, left: Scan, right: Scan) -> None:
    db.execute("DELETE FROM files")
    for path in left.keys() | right.keys():
        one, other = left.get(path, {}), right.get(path, {})
        row = (path, path in left, path in right, one.get("mtime"), other.get("mtime"), one.get("size"), other.get("size"))
        db.execute("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    db.commit()


def decide(before: Scan, left: Scan, right: Scan, config: Config) -> list[Step]:
    """What is to be done. Compares times alone, and takes what it cannot tell for a change."""
    steps: list[Step] = []
    for path in sorted(before.keys() | left.keys() | right.keys()):
        was = before.get(path)
        l, r = left.get(path), right.get(path)
        l_changed = l is not None and (was is None or l["mtime"] != was["mtime_left"])
        r_changed = r is not None and (was is None or r["mtime"] != was["mtime_right"])
        if l_changed and r_changed:
            if l != r and config["conflict_policy"]["modify_modify"] != "notify":
                steps.append(("CLASH_CREATE", path, ""))
        elif l_changed:
            steps.append(("COPY_LEFT_TO_RIGHT", path, ""))
        elif r_changed:
            steps.append(("COPY_RIGHT_TO_LEFT", path, ""))
        elif l is None and r is not None:
            steps.append(("DELETE_RIGHT", path, ""))
        elif r is None and l is not None:
            steps.append(("DELETE_LEFT", path, ""))
    return steps


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def delete(root: Path, path: str, config: Config) -> None:
    soft = config["soft_delete"]
    if soft["enabled"] and (root / path).stat().st_size <= soft["max_size_mb"] << 20:
        trash = root / ".sync_trash" / f"{path}.{time.strftime('%Y%m%d%H%M%S')}"
        trash.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(root / path, trash)
    else:
        (root / path).unlink()


def execute(steps: list[Step], config: Config) -> None:
    left, right = config["left_root"], config["right_root"]
    for action, path, to in steps:
        print(action, path, to)
        if action == "COPY_LEFT_TO_RIGHT":
            copy(left / path, right / path)
        elif action == "COPY_RIGHT_TO_LEFT":
            copy(right / path, left / path)
        elif action in ("DELETE_LEFT", "SOFT_DELETE_LEFT"):
            delete(left, path, config)
        elif action in ("DELETE_RIGHT", "SOFT_DELETE_RIGHT"):
            delete(right, path, config)
        elif action in ("RENAME_LEFT", "RENAME_RIGHT"):
            root = left if action == "RENAME_LEFT" else right
            (root / to).parent.mkdir(parents=True, exist_ok=True)
            (root / path).rename(root / to)
        elif action == "CLASH_CREATE":
            older, newer = sorted((left, right), key=lambda root: (root / path).stat().st_mtime)
            stamp = time.strftime("%Y%m%d%H%M", time.gmtime((older / path).stat().st_mtime))
            stem, ending = os.path.splitext(path)
            for root in (older, newer):
                copy(older / path, root / f"{stem} - clash {stamp}{ending}")
            copy(newer / path, older / path)


def main(file: Path) -> None:
    config = load_config(file)
    db = sqlite3.connect(file.with_name("state.db"))
    db.row_factory = sqlite3.Row
    db.execute(TABLE)
    left, right = scan(config["left_root"], config), scan(config["right_root"], config)
    steps = decide(load_state(db), left, right, config)
    execute(steps, config)
    save_state(db, scan(config["left_root"], config), scan(config["right_root"], config))


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
