"""The pure engine's small helpers. The decision itself is in the compiled half."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Union

from . import _bothways
from ._bothways import Explanation, Policy, Progress, Question, Scan
from ._policy import document

__all__ = ["Policy", "explain", "scan"]

AnyPath = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
Rows = Union[Iterable[Any], Mapping[Any, Any]]


def explain(
    path: AnyPath,
    baseline: Rows,
    left: Rows,
    right: Rows,
    policy: Policy | Mapping[str, Any] | None = None,
    *,
    digest: Callable[[Question], bytes | str | None] | None = None,
) -> Explanation:
    """Why one path is treated as it is. Of many paths of the same trees, ask `Plan.explain`."""
    return _bothways.plan(baseline, left, right, policy, digest=digest).explain(path)


def scan(
    root: AnyPath,
    *,
    ignore: Mapping[str, Any] | None = None,
    progress: Callable[[Progress], object] | None = None,
) -> Scan:
    """Everything in one folder that a sync would look at, in path order. Changes nothing there.

    `ignore` is the section of that name in a configuration. What could not be read is there with its `problem`.
    """
    config = None
    if ignore is not None:
        config = document({"left_root": "left", "right_root": "right", "ignore": ignore})
    return _bothways.scan(root, config=config, progress=progress)
