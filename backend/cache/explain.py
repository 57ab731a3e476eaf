# SPDX-License-Identifier: MIT
"""Why a kernel was not in the cache: the components of its key that differ from those of the nearest entry."""

from __future__ import annotations

import logging
from typing import Any

from triton import knobs

from ..errors import GraftError
from . import showing, store
from .errors import CacheMissError

log = logging.getLogger(__name__)


def report_miss(lookup: Any, there: list[store.Entry]) -> None:
    """Says why *lookup* found nothing, where *there* are the entries of its name: in the debug log or, where `GRAFT_CACHE` requires
    hits, in a `CacheMissError`."""
    reason = why_missed(lookup, there)
    if store.requires_hits():
        raise CacheMissError(reason)
    log.debug("%s", reason)


def why_missed(lookup: Any, there: list[store.Entry]) -> str:
    """What there is to say about *lookup*, where *there* are the entries of its name."""
    head = f"kernel '{lookup.name}' is not in the cache (key {lookup.key[:16]})"
    closest = nearest(there, lookup.components)
    if closest is None:
        return f"{head}, which has no entry for a kernel of this name."
    listed = _listed(closest.components, lookup.components)
    if not listed:
        return f"{head}: its entry, {closest.path}, is damaged."
    return "\n".join([f"{head}; the nearest entry, {closest.path}, differs in", *listed])


def nearest(there: list[store.Entry], components: dict[str, str]) -> store.Entry | None:
    """The first of the entries *there* that differ in the fewest of *components*."""
    return min(there, key=lambda entry: len(differences(entry.components, components)), default=None)


def _listed(then: dict[str, str], now: dict[str, str]) -> list[str]:
    return showing.lines(differences(then, now))


def differences(then: dict[str, str], now: dict[str, str]) -> list[tuple[str, str | None, str | None]]:
    """The components that differ, by name, with both values; None for one that is not there."""
    pairs = ((name, then.get(name), now.get(name)) for name in sorted(then.keys() | now.keys()))
    return [(name, was, is_now) for name, was, is_now in pairs if was != is_now]


def compare_entries(name: str) -> str:
    """The last used entry of the kernel *name* in the cache, and how the entry nearest to it differs.

    Raises `GraftError` if the cache has no entry of that name.
    """
    found = [entry for entry in store.entries(name) if entry.components]
    if not found:
        raise GraftError(f"the cache {knobs.cache.dir} has no entry for a kernel named {name!r}; {_names_text(store.names())}.")
    latest, others = found[0], found[1:]
    count = "1 entry" if not others else f"{len(found)} entries"
    lines = [f"{name}: {count} in {knobs.cache.dir}", f"the last used is {latest.path}"]
    closest = nearest(others, latest.components)
    if closest is not None:
        lines += [f"the nearest is {closest.path}, which differs in", *_listed(closest.components, latest.components)]
    return "\n".join(lines)


def _names_text(names: list[str]) -> str:
    return f"it has {', '.join(names)}" if names else "it is empty"
