# SPDX-License-Identifier: MIT
"""Why a kernel was not in the cache: the components of its key that differ from those of the nearest entry."""

from __future__ import annotations

import logging
from typing import Any

from triton import knobs

from . import cache
from .errors import CacheMissError, GraftError
from .settings import requires_hits

log = logging.getLogger(__name__)


def report_miss(manager: Any, lookup: Any) -> None:
    """Says why *manager* has no entry for *lookup*: in the debug log or, where `GRAFT_CACHE` requires hits, in a `CacheMissError`."""
    reason = why_missed(manager, lookup)
    if requires_hits():
        raise CacheMissError(reason)
    log.debug("%s", reason)


def why_missed(manager: Any, lookup: Any) -> str:
    """What there is to say about *lookup*, which *manager* has no entry for."""
    head = f"kernel '{lookup.name}' is not in the cache (key {lookup.key[:16]})"
    nearest = manager.nearest(lookup.components, lookup.name) if isinstance(manager, cache.CacheManager) else None
    if nearest is None:
        return f"{head}, which has no entry for a kernel of this name."
    return "\n".join(
        [f"{head}; the nearest entry, {nearest.path}, differs in", *_listed(nearest.components, lookup.components)]
    )


def _listed(then: dict[str, str], now: dict[str, str]) -> list[str]:
    return [f"  {name}: {was} there, {is_now} now" for name, was, is_now in differences(then, now)]


def differences(then: dict[str, str], now: dict[str, str]) -> list[tuple[str, str, str]]:
    """The components that differ, by name, with both values; "nothing" for one that is not there."""
    names = sorted(then.keys() | now.keys())
    pairs = ((name, then.get(name, "nothing"), now.get(name, "nothing")) for name in names)
    return [(name, was, is_now) for name, was, is_now in pairs if was != is_now]


def compare_entries(name: str) -> str:
    """The last used entry of the kernel *name* in the cache, and how the entry nearest to it differs.

    Raises `GraftError` if the cache has no entry of that name.
    """
    found = [entry for entry in cache.entries(name) if entry.components]
    if not found:
        raise GraftError(f"the cache {knobs.cache.dir} has no entry for a kernel named {name!r}; {_names_text(cache.names())}.")
    latest, others = found[0], found[1:]
    count = "1 entry" if not others else f"{len(found)} entries"
    lines = [f"{name}: {count} in {knobs.cache.dir}", f"the last used is {latest.path}"]
    if others:
        nearest = min(others, key=lambda entry: len(differences(entry.components, latest.components)))
        lines += [f"the nearest is {nearest.path}, which differs in", *_listed(nearest.components, latest.components)]
    return "\n".join(lines)


def _names_text(names: list[str]) -> str:
    return f"it has {', '.join(names)}" if names else "it is empty"
