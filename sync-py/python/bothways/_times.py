"""Moments: nanoseconds since 1970, and aware datetimes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def moment(ns: Any) -> Any:
    """An aware datetime in UTC; none for none. What a datetime cannot hold becomes its first or last moment."""
    if ns is None:
        return None
    try:
        return _EPOCH + timedelta(microseconds=ns // 1000)
    except OverflowError:
        limit = datetime.min if ns < 0 else datetime.max
        return limit.replace(tzinfo=timezone.utc)


def nanoseconds(time: datetime) -> int:
    """Nanoseconds since 1970 of an aware datetime."""
    if time.tzinfo is None or time.utcoffset() is None:
        raise ValueError("a datetime without a time zone says no moment: use an aware one")
    since = time - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000


def parsed(text: Any) -> Any:
    """Nanoseconds since 1970 of a moment as reports have it (RFC 3339 in UTC, any number of decimals); none for none."""
    if not text:
        return None
    if text.endswith(" ns"):
        return int(text[:-3])
    whole, _, decimals = text.rstrip("Z").partition(".")
    # Not strptime: its first use imports a module, and a process that is forked meanwhile would wait for that for ever.
    seconds = datetime.fromisoformat(f"{whole}+00:00") - _EPOCH
    nanos = int(decimals.ljust(9, "0")[:9]) if decimals else 0
    return (seconds.days * 86_400 + seconds.seconds) * 1_000_000_000 + nanos
