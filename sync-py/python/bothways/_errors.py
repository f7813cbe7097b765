"""What can go wrong.

Every exception of this package is an `Error`. What the system refused is an `OSError` too, with errno and filename; a
value that makes no sense is a `ValueError` too, and a value of a wrong type in a row a `TypeError`.
"""

from __future__ import annotations

import json
from typing import Any

from ._reports import HaltReport

__all__ = [
    "CancelledError",
    "ClosedError",
    "ConfigError",
    "ConfigIoError",
    "Error",
    "HaltedError",
    "InternalError",
    "IoError",
    "LockedError",
    "RootError",
    "RowError",
    "RowTypeError",
    "StateError",
    "StateIoError",
    "UsageError",
]


class Error(Exception):
    """Anything that Bothways raises."""


class UsageError(Error, ValueError):
    """What was asked for makes no sense: a path outside of both roots, a run that is not on record."""


class ClosedError(UsageError):
    """The session was closed."""


class RowError(Error, ValueError):
    """A row says something impossible, or not enough. The message names the tree and the row."""


class RowTypeError(Error, TypeError):
    """Something in a row has the wrong type, or is no row. The message names the tree and the row."""


class ConfigError(Error, ValueError):
    """A configuration or a policy cannot be understood."""

    line: int | None = None
    column: int | None = None


class IoError(Error, OSError):
    """The system refused. Has `errno`, `strerror` and `filename`, where there are any."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class ConfigIoError(ConfigError, IoError):
    """A configuration file cannot be read."""


class RootError(IoError):
    """One of the two folders cannot be used: it is away, say. It may work later."""

    side: str | None = None


class StateError(Error):
    """What is remembered of the pair cannot be used."""


class StateIoError(StateError, IoError):
    """What is remembered of the pair cannot be read or written."""


class LockedError(StateError):
    """Another session has the pair. `holder` is its process, where that is known."""

    holder: int | None = None


class HaltedError(Error):
    """A guard stopped the work before anything was touched. `halt` says why."""

    _halt: str = ""

    @property
    def halt(self) -> HaltReport:
        """Why."""
        document: Any = json.loads(self._halt)
        return HaltReport._of(document)


class CancelledError(Error):
    """The work was stopped from outside before anything was decided."""


class InternalError(Error):
    """Something that should not happen."""
