# SPDX-License-Identifier: MIT
"""Whether a file is a bundle, decided a second time: from docs/bundle-format.md, by other means than the backend's.

The archive is walked from its first byte on, built anew from what is found, and compared; the schema is a table.
"""

from __future__ import annotations

import hashlib
import json
import keyword
import re
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from bundle_archive import DEFLATED, LOCAL, LOCAL_FIELDS, STORED, Entry, archive, canonical, digest

SIGNATURE = re.compile(rb"graft-ed25519:[0-9a-f]{64}:[0-9a-f]{128}\Z")


class Limits(NamedTuple):
    """The numbers of the format, sizes in bytes."""

    file: int = 1 << 30
    manifest: int = 64 << 20
    artifact: int = 256 << 20
    total: int = 2 << 30


def broken_rule(data: bytes, limits: Limits = Limits()) -> str | None:  # noqa: B008 - it cannot be changed
    """The first rule that *data* breaks, or None. For all rules of the container but "artifact" that is "container"."""
    entries = _walk(data, limits)
    if entries is None:
        return "container"
    if any(hashlib.sha256(entry.content).hexdigest() != entry.name.decode() for entry in entries[1:]):
        return "artifact"
    return _broken_by_manifest(entries[0].content, {entry.name.decode() for entry in entries[1:]})


# -- The container


def _walk(data: bytes, limits: Limits) -> list[Entry] | None:
    """The entries of *data*, or None if it is not the archive that a writer would make of them."""
    signature = SIGNATURE.search(data[-512:])
    comment = signature.group() if signature else b""
    found: list[Entry] = []
    at = 0
    while data.startswith(b"PK\3\4", at) and at + LOCAL.size <= len(data):
        header = dict(zip(LOCAL_FIELDS, LOCAL.unpack_from(data, at), strict=True))
        start = at + LOCAL.size + header["name"]
        at = start + header["packed"]
        found.append(Entry(data[start - header["name"] : start], b"", header["method"], data[start:at], header))
    if len(data) > limits.file or len(found) > 65535 or not _are_names([entry.name for entry in found]):
        return None
    if not _are_bounded(found, limits) or any(entry.method not in (STORED, DEFLATED) for entry in found):
        return None
    entries = [entry.but(content=_content(entry), local={}) for entry in found]
    return entries if archive(entries, comment=comment) == data else None


def _are_names(names: list[bytes]) -> bool:
    digests = names[1:]
    is_sorted = digests == sorted(set(digests))
    return names[:1] == [b"manifest.json"] and is_sorted and all(re.fullmatch(b"[0-9a-f]{64}", name) for name in digests)


def _are_bounded(found: list[Entry], limits: Limits) -> bool:
    sizes = [entry.local["size"] for entry in found]
    return (
        sizes[0] <= limits.manifest
        and all(size <= limits.artifact for size in sizes[1:])
        and sum(sizes) <= limits.total
        and all(size <= 64 * len(entry.packed) for size, entry in zip(sizes, found, strict=True))
    )


def _content(entry: Entry) -> bytes:
    """What an entry has; something else of another length or CRC-32 if it is not as its header says."""
    if entry.method == STORED:
        return entry.packed
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = stream.decompress(entry.packed, entry.local["size"] + 1)
    except zlib.error:
        content = b""
    whole = stream.eof and not stream.unused_data
    return content if whole else content + b"cut off"


# -- The manifest


def _broken_by_manifest(text: bytes, artifacts: set[str]) -> str | None:
    try:
        value = json.loads(text.decode("ascii"))
    except (ValueError, RecursionError):
        return "json"
    version = value.get("version") if isinstance(value, dict) else None
    if isinstance(version, int) and version > 1 and not _has_long_integer(value):
        return "version"
    if not _is_canonical(value, text):
        return "json"
    if not isinstance(value, dict) or repr(version) != "1" or sorted(value) != ["content", "digest", "version"]:
        return "version"
    if value["digest"] != digest(value["content"]):
        return "digest"
    content = value["content"]
    rules = {"schema": lambda: fits(content, CONTENT), "reference": lambda: _refers(content, artifacts),
             "order": lambda: _is_sorted(content), "path": lambda: _has_no_path(content)}  # fmt: skip
    return next((rule for rule, keeps in rules.items() if not keeps()), None)


def _is_canonical(value: Any, text: bytes) -> bool:
    if _depth(value) > 64 or _has_long_integer(value) or any(type(part) is float for part in _parts(value)):
        return False
    surrogates = any("\ud800" <= char <= "\udfff" for part in _parts(value) if type(part) is str for char in part)
    return not surrogates and canonical(value) == text


def _parts(value: Any) -> Iterator[Any]:
    """*value* and all that is in it, keys too."""
    rest = [value]
    while rest:
        yield (part := rest.pop())
        if isinstance(part, dict):
            rest += [*part.keys(), *part.values()]
        elif isinstance(part, list):
            rest += part


def _has_long_integer(value: Any) -> bool:
    return any(type(part) is int and abs(part) >= 10**600 for part in _parts(value))


def _depth(value: Any) -> int:
    deepest, rest = 0, [(value, 1)]
    while rest:
        part, depth = rest.pop()
        if isinstance(part, (dict, list)):
            deepest = max(deepest, depth)
            rest += [(inner, depth + 1) for inner in (part.values() if isinstance(part, dict) else part)]
    return deepest


# -- The schema


class Map(NamedTuple):
    """An object with any keys of one shape."""

    key: Any
    item: Any


class Either(NamedTuple):
    one: Any
    other: Any


def fits(value: Any, shape: Any) -> bool:
    """Whether *value* has the *shape*: a regular expression, a function, a dict (all its keys), a tuple (a list of so many), a
    list (any number of its item, or at most as many as it says), a set (one of it), a `Map` or `Either`.
    """
    match shape:
        case str():
            return type(value) is str and re.fullmatch(shape, value, re.DOTALL) is not None
        case Map():
            return type(value) is dict and all(fits(name, shape.key) and fits(item, shape.item) for name, item in value.items())
        case Either():
            return fits(value, shape.one) or fits(value, shape.other)
        case dict():
            return (
                type(value) is dict and value.keys() == shape.keys() and all(fits(value[name], shape[name]) for name in shape)
            )
        case tuple():
            return type(value) is list and len(value) == len(shape) and all(map(fits, value, shape))
        case list():
            most = shape[1] if len(shape) > 1 else len(value) if type(value) is list else 0
            return type(value) is list and len(value) <= most and all(fits(item, shape[0]) for item in value)
        case set():
            return type(value) is str and value in shape
    return shape(value)


def _flag(value: Any) -> bool:
    return value is True or value is False


def _number(value: Any) -> bool:
    return type(value) is int and 0 <= value <= 4294967295


def _null(value: Any) -> bool:
    return value is None


def _value(value: Any) -> bool:
    if not isinstance(value, dict):
        return not isinstance(value, list)
    return len(value) == 1 and all(tag in TAGS and fits(inner, TAGS[tag]) for tag, inner in value.items())


def _float(value: Any) -> bool:
    if value in ("nan", "inf", "-inf"):
        return True
    form = r"-?0x([01])\.([0-9a-f]{13}|0)p([+-](?:0|[1-9][0-9]{0,3}))"
    found = re.fullmatch(form, value) if type(value) is str else None
    try:
        return found is not None and float.fromhex(value).hex() == value
    except OverflowError:
        return False


def _type(value: Any) -> bool:
    return fits(value, Either(TEXT, [_type]))


def _within(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= most


def _short(value: Any) -> bool:
    return type(value) is str and len(value.encode("utf-8", "surrogatepass")) <= 4096


def _metadata(value: Any) -> bool:
    required = {"name": _short, "target": {"backend": TEXT, "arch": _number, "warp_size": _within(32, 32)},
                "num_warps": _within(1, 64), "num_ctas": _within(1, 16), "shared": _within(0, 2**31 - 1),
                "warp_size": _within(32, 32), "launch_pdl": _flag, "launch_cooperative_grid": _flag}  # fmt: skip
    required |= {f"{kind}_scratch_size": _number for kind in ("global", "profile")}
    required |= {f"{kind}_scratch_align": _within(1, 2**30) for kind in ("global", "profile")}
    optional = {
        "tmem_size": _within(0, 2**31 - 1),
        "instrumentation_mode": TEXT,
        "tensordesc_meta": Either(_null, [DESCRIPTOR]),
    }
    if not isinstance(value, dict) or not required.keys() <= value.keys() or len(value) > 256:
        return False
    names = all(name.isascii() and name.isidentifier() and name[0] != "_" and not keyword.iskeyword(name) for name in value)
    return names and all(fits(value[name], shape) for name, shape in (required | optional).items() if name in value)


DESCRIPTOR = {"swizzle": _within(0, 6), "elem_size": _within(1, 8), "elem_type": _within(0, 15),
              "block_size": [_within(1, 1024), 5], "fp4_padded": _flag, "is_im2col": _flag}  # fmt: skip
TEXT, DIGEST, TARGET = ".*", "[0-9a-f]{64}", "[a-z]+:[1-9][0-9]{0,5}"
TAGS: dict[str, Any] = {
    "float": _float, "tuple": [_value], "list": [_value], "dtype": TEXT, "constexpr": _value, "function": TEXT, "opaque": TEXT,
}  # fmt: skip
PATH, COMPONENTS, VALUES = [_number, 16], Map(TEXT, TEXT), Map(TEXT, _value)
PARAMETER = {"name": TEXT, "kind": {"positional", "keyword", "variadic"}, "constexpr": _flag, "const": _flag, "annotation": TEXT,
             "specialize": _flag, "align": _flag, "default": [_value, 1]}  # fmt: skip
SPECIALISATION = {
    "signature": [_type],
    "constants": [(PATH, _value)],
    "attributes": [(PATH, [(TEXT, _number)])],
    "options": VALUES,
}
VARIANT = {
    "kernel": DIGEST, "producer": DIGEST, "code": DIGEST, "target": TARGET, "key": DIGEST, "name": TEXT, "own": COMPONENTS,
    "files": Map({"cubin", "ttir", "ttgir", "llir", "ptx", "source"}, DIGEST), "metadata": _metadata,
    "specialisation": Either(_null, SPECIALISATION), "static": TEXT,
}  # fmt: skip
TUNER = {"module": TEXT, "name": TEXT, "target": TARGET, "arg_names": [TEXT], "keys": [TEXT], "pre_hook": _flag,
         "winners": [([_value], VALUES)]}  # fmt: skip
ALTERNATIVE = (DIGEST, [(Either(_number, TEXT), TEXT, TEXT)], [(_number, TEXT)])
CONTENT = {
    "producers": Map(DIGEST, {"graft": TEXT, "triton": TEXT, "compiler": COMPONENTS, "tools": Map(TARGET, COMPONENTS)}),
    "code": Map(DIGEST, COMPONENTS),
    "targets": Map(TARGET, {"options": VALUES}),
    "kernels": Map(DIGEST, {"module": TEXT, "name": TEXT, "debug": _flag, "params": [PARAMETER]}),
    "variants": [VARIANT],
    "tuners": [TUNER],
    "manifests": Map(DIGEST, {"name": TEXT, "alternatives": [ALTERNATIVE, 64]}),
}


# -- What is between the parts


def _refers(content: Any, artifacts: set[str]) -> bool:
    variants, tuners = content["variants"], content["tuners"]

    def uses(member: str) -> set[str]:
        return {variant[member] for variant in variants}

    return (
        all(digest(item) == name for table in ("producers", "code", "kernels") for name, item in content[table].items())
        and uses("kernel") == set(content["kernels"])
        and uses("producer") == set(content["producers"])
        and uses("code") == set(content["code"])
        and uses("target") | {tuner["target"] for tuner in tuners} == set(content["targets"])
        and {name for variant in variants for name in variant["files"].values()} == artifacts
        and all(_is_whole(variant, content["kernels"][variant["kernel"]]) for variant in variants)
        and all(_leads_home(item["alternatives"], variants) for item in content["manifests"].values())
    )


def _is_whole(variant: Any, kernel: Any) -> bool:
    target, special = variant["metadata"]["target"], variant["specialisation"]
    if "cubin" not in variant["files"] or variant["target"] != f"{target['backend']}:{target['arch']}":
        return False
    if special is None:
        return bool(variant["static"])
    places = {path for number, item in enumerate(special["signature"]) for path in _places(item, (number,))}
    paths = {tuple(path) for path, _ in special["constants"] + special["attributes"]}
    constants = {tuple(path) for path, _ in special["constants"]}
    is_static = constants == {path for path in places if _at(special["signature"], path) == "constexpr"}
    return len(special["signature"]) == len(kernel["params"]) and paths <= places and bool(variant["static"] or is_static)


def _at(item: Any, path: tuple) -> Any:
    for step in path:
        item = item[step]
    return item


def _places(item: Any, path: tuple) -> Iterator[tuple]:
    yield path
    for number, inner in enumerate(item if type(item) is list else ()):
        yield from _places(inner, (*path, number))


def _leads_home(alternatives: Any, variants: Any) -> bool:
    ttir = {variant["own"].get("source.text") for variant in variants}
    return bool(alternatives) and {alternative[0] for alternative in alternatives} <= ttir


def _is_sorted(content: Any) -> bool:
    def by(items: Any, key: Callable[[Any], Any]) -> bool:
        return all(key(one) < key(other) for one, other in pairwise(items))

    specials = [special for variant in content["variants"] if (special := variant["specialisation"])]
    return (
        by(content["variants"], lambda variant: [variant[member] for member in ("kernel", "target", "key")])
        and by(content["tuners"], lambda tuner: [tuner[name] for name in ("module", "name", "target", "arg_names", "keys")])
        and all(by(tuner["winners"], lambda winner: canonical(winner[0])) for tuner in content["tuners"])
        and all(by(item["alternatives"], canonical) for item in content["manifests"].values())
        and all(by(special[member], lambda item: item[0]) for special in specials for member in ("constants", "attributes"))
        and all(by(items, lambda item: item[0]) for special in specials for _, items in special["attributes"])
    )


def _has_no_path(content: Any) -> bool:
    named = [*content["variants"], *content["manifests"].values()]
    metadata = [part for variant in content["variants"] for part in _parts(variant["metadata"])]
    names_are_plain = all(re.fullmatch(r"(?![.])[^/\\\x00-\x1f\x7f]{1,255}", item["name"]) for item in named)
    return names_are_plain and not any(type(part) is str and part[:1] == "/" for part in metadata)
