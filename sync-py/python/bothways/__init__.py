"""Keeps two folders the same, both ways, and can say why.

The pure engine, for a script with a scanner and a database of its own: `decide`, `matrix`, `plan`, `explain`, `scan`.
The whole job: `Session`.
"""

import os as _os

# What the engine's side calls is imported here: a process that is forked during a first import waits for that for ever.
from . import _bothways, _log, _rows, reports  # noqa: F401
from ._bothways import (
    FORMAT,
    Action,
    Conflict,
    Decision,
    Entry,
    Explanation,
    Halt,
    Plan,
    Problem,
    Progress,
    Question,
    Scan,
    Step,
    __version__,
    decide,
    matrix,
    plan,
)
from ._errors import (
    CancelledError,
    ClosedError,
    ConfigError,
    ConfigIoError,
    Error,
    HaltedError,
    InternalError,
    IoError,
    LockedError,
    NotRunningError,
    RootError,
    RowError,
    RowTypeError,
    RunningSessionError,
    StateError,
    StateIoError,
    UsageError,
)
from ._pure import Policy, explain, scan
from ._run import Run
from ._session import Session

__all__ = [
    "FORMAT",
    "Action",
    "CancelledError",
    "ClosedError",
    "ConfigError",
    "ConfigIoError",
    "Conflict",
    "Decision",
    "Entry",
    "Error",
    "Explanation",
    "Halt",
    "HaltedError",
    "InternalError",
    "IoError",
    "LockedError",
    "NotRunningError",
    "Plan",
    "Policy",
    "Problem",
    "Progress",
    "Question",
    "RootError",
    "RowError",
    "RowTypeError",
    "Run",
    "RunningSessionError",
    "Scan",
    "Session",
    "StateError",
    "StateIoError",
    "Step",
    "UsageError",
    "__version__",
    "decide",
    "explain",
    "matrix",
    "plan",
    "reports",
    "scan",
]

if hasattr(_os, "register_at_fork"):
    _os.register_at_fork(
        before=_bothways.before_fork,
        after_in_parent=_bothways.after_fork,
        after_in_child=_bothways.after_fork_in_child,
    )
