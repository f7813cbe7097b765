"""Rows of one kind as columns: paths, sizes and times.

The interpreter's own loops are the fastest way to read an attribute of many objects. What is wrong with a row is found
and told elsewhere: here it may raise anything.
"""

from __future__ import annotations

from typing import Any

Columns = tuple[list[Any], list[Any], list[Any]]


def of_objects(rows: list[Any]) -> Columns:
    return [row.path for row in rows], [row.size for row in rows], [row.mtime_ns for row in rows]


def of_mappings(rows: list[dict[str, Any]]) -> Columns:
    return [row["path"] for row in rows], [row["size"] for row in rows], [row["mtime_ns"] for row in rows]


def of_tuples(rows: list[tuple[Any, Any, Any]]) -> Columns:
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]
