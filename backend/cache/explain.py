# SPDX-License-Identifier: MIT
"""Why a kernel was not in the cache: the components of its key that differ from those of the nearest entry."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from triton import knobs

from .. import wings
from ..errors import GraftError, did_you_mean
from . import showing, store
from .errors import CacheMissError

if TYPE_CHECKING:
    from ..console import Block

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


def compare_entries(name: str) -> list[Block]:
    """What there is to say of the last used entry of the kernel *name* in the cache, and of the entry nearest to it.

    Raises `GraftError` if the cache has no entry of that name.
    """
    from ..console import Facts, Line, count

    found = [entry for entry in store.entries(name) if entry.components]
    if not found:
        names = store.names()
        hint = f"{_names_text(names)}{did_you_mean(name, names) or '.'}"
        raise GraftError(f"the cache {knobs.cache.dir} has no entry for a kernel named {name!r}; {hint}")
    latest, *others = (_with_arguments(entry) for entry in found)
    closest = nearest(others, latest.components)
    entries = Facts(f"{count(len(found), 'cache entry')} in {knobs.cache.dir}", {"last used": _folder(latest)})
    if closest is None:
        return [Line(f"{name} was compiled because the cache had no entry of this name.", "heading"), Line(), entries]
    return [*_causes(name, closest, latest), Line(), replace(entries, facts={**entries.facts, "nearest": _folder(closest)})]


def _with_arguments(entry: store.Entry) -> store.Entry:
    """*entry*, with its arguments among the components; they are not in the key, but the TTIR is made for them."""
    described = store.described(entry)
    arguments = wings.first(lambda wing: wing.arguments(described)) or {}
    return entry._replace(components=entry.components | {f"argument.{name}": text for name, text in arguments.items()})


def _folder(entry: store.Entry) -> str:
    return os.path.basename(os.path.dirname(entry.path))


def _listing(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _causes(name: str, closest: store.Entry, latest: store.Entry) -> list[Block]:
    """In what two entries differ: in words, and as a table with causes first and under each what follows from it."""
    from ..console import Line, Table

    kinds = list(showing.WORDS)
    arranged = showing.arranged(differences(closest.components, latest.components))
    arranged.sort(key=lambda found: kinds.index(showing.kind(found[0][0])))
    words = dict.fromkeys(showing.WORDS[showing.kind(cause[0])] for cause, _ in arranged)
    rows = []
    for cause, others in arranged:
        for before, (part, *values) in (("", cause), *(("  so ", other) for other in others)):
            rows.append((before + part, *(showing.component(part, value) for value in values)))
    table = dict(zip(("what differs", "nearest entry", "last used entry"), map(list, zip(*rows, strict=True)), strict=True))
    return [
        Line(f"{name} was compiled because of {_listing(list(words))}.", "heading"),
        Line(),
        Table(table, whole=("what differs",)),
    ]


def _names_text(names: list[str]) -> str:
    return f"it has {', '.join(names)}" if names else "it is empty"
