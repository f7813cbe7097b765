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
    "NotRunningError",
    "RootError",
    "RowError",
    "RowTypeError",
    "RunningSessionError",
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

    def __reduce__(self) -> tuple[Any, ...]:
        # An OSError of one argument forgets them on the way to another process.
        return _again, (type(self), self.args, self.errno, self.strerror, self.filename, dict(self.__dict__))


def _again(
    kind: type[IoError], args: tuple[Any, ...], errno: int | None, strerror: str | None, filename: Any, more: dict[str, Any]
) -> IoError:
    error = kind(*args)
    error.errno, error.strerror, error.filename = errno, strerror, filename
    error.__dict__.update(more)
    return error


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
    """Another session has the pair, and cannot be asked for this. `holder` is its process, where that is known."""

    holder: int | None = None


class RunningSessionError(StateError):
    """The session that runs ended before it had answered, or does not answer.

    Whether it did what it was asked for is not known. If it has ended, the next call is carried out here.
    """


class NotRunningError(StateError):
    """Only a session that runs can be asked for this, and none of the pair does."""


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
