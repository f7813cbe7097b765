"""Records of the engine in Python's logging."""

from __future__ import annotations

import logging
from typing import Any


def wanted() -> int:
    """The least level that the logger `bothways`, or one below it, wants."""
    level = logging.getLogger("bothways").getEffectiveLevel()
    for name, one in list(logging.Logger.manager.loggerDict.items()):
        if name.startswith("bothways.") and isinstance(one, logging.Logger) and one.level:
            level = min(level, one.level)
    return level


def tell(level: int, target: str, file: str | None, line: int, message: str, about: dict[str, Any]) -> None:
    """Hands one record to the logger below `bothways` that is named after the part of the engine it comes from.

    What the record is about is in its attribute `bothways`, a dict of texts: operation, path, side and so on.
    """
    name = "bothways." + target.split("::", 1)[0].replace("sync_", "", 1)
    logger = logging.getLogger(name)
    if not logger.isEnabledFor(level):
        return
    # Written out, for a message may hold anything.
    extra = {"bothways": about}
    record = logger.makeRecord(name, level, file or "", line, "%s", (message,), None, None, extra)
    logger.handle(record)
