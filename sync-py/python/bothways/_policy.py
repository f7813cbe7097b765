"""The policy, from Python's words or from a configuration."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from ._bothways import Policy as _Raw

_SECTIONS = {
    "same_file_changed_both": ("conflict", "same_file_changed_both"),
    "new_file_both_different": ("conflict", "new_file_both_different"),
    "properties_conflict_both": ("conflict", "properties_conflict_both"),
    "tie_breaker": ("conflict", "tie_breaker"),
    "first_match": ("conflict", "first_match"),
    "clash_name": ("conflict", "clash_name"),
    "soft_delete": ("soft_delete", "enabled"),
    "soft_delete_max_bytes": ("soft_delete", "max_size_bytes"),
    "keep_versions": ("versions", "enabled"),
    "keep_versions_max_bytes": ("versions", "max_size_bytes"),
    "max_change_percent": ("guard", "max_change_percent"),
    "max_change_min_files": ("guard", "max_change_min_files"),
}
_OF_A_POLICY = {"conflict", "conflict_policy", "soft_delete", "versions", "guard"}


def document(config: Mapping[str, Any]) -> str:
    """A configuration as JSON, with paths as texts."""
    if not isinstance(config, Mapping):
        raise TypeError(f"a configuration is a mapping, and not {type(config).__name__}")
    return json.dumps(dict(config), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return os.fspath(value)


def policy_of(given: Any) -> _Raw:
    """A policy of single words, or of the sections of a configuration."""
    if not isinstance(given, Mapping):
        raise TypeError(f"a policy is a Policy or a mapping, and not {type(given).__name__}")
    sections: dict[str, dict[str, Any]] = {}
    for name, value in given.items():
        if name in _SECTIONS and not isinstance(value, Mapping):
            section, key = _SECTIONS[name]
            sections.setdefault(section, {})[key] = value
        elif isinstance(value, Mapping):
            sections.setdefault(str(name), {}).update(value)
        else:
            known = ", ".join(sorted(_SECTIONS))
            raise ValueError(f"a policy has no {name!r}; it has {known}")
    return _Raw._from_document(document({"left_root": "left", "right_root": "right", **sections}))


def policy_in(config: Mapping[str, Any]) -> _Raw:
    """The policy of a whole configuration, whatever else it holds."""
    return policy_of({name: value for name, value in config.items() if name in _OF_A_POLICY and value is not None})
