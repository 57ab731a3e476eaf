# SPDX-License-Identifier: MIT
"""Seeded mutants of bundles, and what a reader has to make of them.

A mutant begins as a random valid bundle and goes through a few steps, each on one of four levels: the content of the manifest (which
is then sealed with right digests), the text of the manifest, the entries of the archive, the bytes of the file. It is told by
its seed and number, as `7:1234`. The reader has to refuse it with a `BundleError`, or to give what is right:

- where the content was not touched, the bundle that it was made from, or one that it was spliced with;
- where it was, a bundle that keeps all rules: `bundle_validator` says so too, and it comes out again after it is packed.

Whoever uses what was read then meets no other errors than ours (`bundle_uses`).

And what `bundle_validator` finds nothing wrong with, the reader takes.

    python test/unit/bundle_mutations.py --seed 0 --count 100000
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import dataclasses
import json
import multiprocessing
import random
import resource
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import bundle_archive
import bundle_validator
from bundle_archive import CENTRAL_FIELDS, DEFLATED, END_FIELDS, LOCAL_FIELDS, STORED, Entry
from bundle_uses import fault_in_use
from bundle_validator import Limits, broken_rule, fits
from time_limits import time_limit
from triton.backends.graft.errors import BundleError
from triton.backends.graft.runtime import container, format
from triton.backends.graft.runtime.errors import FORMAT_RULES

#: Those that a file without a signature can break.
RULES = FORMAT_RULES[: FORMAT_RULES.index("path") + 1]

#: Small ones, in bytes, so that small files reach them.
LIMITS = Limits(file=40_000, manifest=30_000, artifact=9_000, total=45_000)

#: What one mutant may take. The seconds are the processor's, so that other processes do not count.
SECONDS, MEMORY_BYTES = 2.0, 1 << 30

Random = random.Random


# -- Random valid bundles


def random_bundle(rng: Random) -> format.Bundle:
    """A bundle that keeps all rules."""
    artifacts = [rng.randbytes(rng.randrange(40)) * rng.randrange(1, 30) for _ in range(rng.randrange(1, 5))]
    files = {bundle_archive.artifact(data).name.decode(): data for data in artifacts}
    kernels = [_kernel(rng) for _ in range(rng.randrange(1, 4))]
    producers = [_producer(rng) for _ in range(2)]
    variants = [_variant(rng, rng.choice(kernels), rng.choice(producers), files) for _ in range(rng.randrange(1, 4))]
    tuners = [_tuner(rng) for _ in range(rng.randrange(3))]
    used = {name for variant in variants for name in variant["files"].values()}
    content = {
        "producers": _by_digest(producers, variants, "producer"),
        "code": {variant["code"]: {"option.num_warps": variant["code"]} for variant in variants},
        "targets": {item["target"]: {"options": _values(rng)} for item in (*variants, *tuners)},
        "kernels": _by_digest(kernels, variants, "kernel"),
        "variants": variants,
        "tuners": tuners,
        "manifests": {_hex(rng): _manifest(rng, variants) for _ in range(rng.randrange(3))},
    }
    return format.Bundle(tidied(content), {name: data for name, data in files.items() if name in used})


def _by_digest(items: list, variants: list, member: str) -> dict[str, Any]:
    used = {variant[member] for variant in variants}
    return {name: item for item in items if (name := bundle_archive.digest(item)) in used}


def _hex(rng: Random) -> str:
    return rng.randbytes(32).hex()


def _name(rng: Random) -> str:
    return rng.choice(("add", "softmax", "k_1", "größe", "x.y", "a b", "核", "\U0001f600")) + str(rng.randrange(9))


def _producer(rng: Random) -> dict[str, Any]:
    compiler = {f"compiler.{_name(rng)}": _hex(rng) for _ in range(rng.randrange(3))}
    return {"graft": "1.0", "triton": "3.9.0", "compiler": compiler, "tools": {"cuda:90": {"tool.ptxas": _hex(rng)}}}


def _kernel(rng: Random) -> dict[str, Any]:
    params = [_param(rng, number) for number in range(rng.randrange(5))]
    return {"module": "m", "name": _name(rng), "debug": rng.random() < 0.1, "params": params}


def _param(rng: Random, number: int) -> dict[str, Any]:
    flags = {name: rng.random() < 0.5 for name in ("constexpr", "const", "specialize", "align")}
    kind = rng.choice(("positional", "keyword", "variadic"))
    default = [_value(rng) for _ in range(rng.randrange(2))]
    return {"name": f"p{number}", "kind": kind, "annotation": rng.choice(("", "i32", "*kfp32")), "default": default, **flags}


def _value(rng: Random, depth: int = 0) -> Any:
    """A value of a bundle."""
    simple = (None, True, rng.randrange(-9, 9), 1 << rng.randrange(99), _name(rng), {"float": rng.gauss(0, 9).hex()},
              {"float": "nan"}, {"dtype": "fp16"}, {"function": "m:f"}, {"opaque": "m.C"})  # fmt: skip
    if depth > 3 or rng.random() < 0.8:
        return rng.choice(simple)
    if rng.random() < 0.3:
        return {"constexpr": _value(rng, depth + 1)}
    return {rng.choice(("tuple", "list")): [_value(rng, depth + 1) for _ in range(rng.randrange(3))]}


def _values(rng: Random) -> dict[str, Any]:
    return {_name(rng): _value(rng) for _ in range(rng.randrange(4))}


def _variant(rng: Random, kernel: dict[str, Any], producer: dict[str, Any], files: dict[str, bytes]) -> dict[str, Any]:
    arch = rng.choice((75, 90, 100))
    stages = ["cubin", *rng.sample(("ttir", "ttgir", "llir", "ptx", "source"), rng.randrange(3))]
    metadata = {"name": "k", "target": {"backend": "cuda", "arch": arch, "warp_size": 32}, "shared": rng.randrange(99), "tmem": None,
                "extern_libs": [["libdevice", "libdevice.bc"]], **bundle_archive.LAUNCHING}  # fmt: skip
    if rng.random() < 0.5:
        metadata |= {"tmem_size": rng.randrange(99), "tensordesc_meta": rng.choice((None, [], [_descriptor(rng)]))}
    warps = str(rng.choice((4, 8)))
    return {
        "kernel": bundle_archive.digest(kernel), "producer": bundle_archive.digest(producer), "code": warps,
        "target": f"cuda:{arch}", "key": _hex(rng), "name": _name(rng),
        "own": {"source.kind": "ttir", "source.text": _hex(rng)}, "files": {stage: rng.choice(sorted(files)) for stage in stages},
        "metadata": metadata, "specialisation": (special := _specialisation(rng, kernel)),
        "static": rng.choice(("", "it has hooks")) if _is_static(special) else "it has hooks",
    }  # fmt: skip


def _descriptor(rng: Random) -> dict[str, Any]:
    """How a host makes a descriptor of tensors."""
    shape = [rng.choice((1, 16, 256)) for _ in range(rng.randrange(1, 6))]
    return {
        "swizzle": rng.randrange(4),
        "elem_size": 2,
        "elem_type": 6,
        "block_size": shape,
        "fp4_padded": False,
        "is_im2col": False,
    }


def _is_static(special: dict[str, Any] | None) -> bool:
    """Whether there is a constant for each constexpr and for nothing else."""
    constants = [path for path, _ in special["constants"]] if special else []
    return special is not None and sorted(constants) == list(format.constant_paths(special["signature"]))


def _specialisation(rng: Random, kernel: dict[str, Any]) -> dict[str, Any] | None:
    if rng.random() < 0.1:
        return None
    signature = [rng.choice(("i32", "*fp32", "constexpr", ["i32", ["fp32", "constexpr"]])) for _ in kernel["params"]]
    paths = [
        path for number, item in enumerate(signature) for path in (([number],) if type(item) is str else ([number, 1, 0],))
    ]
    constants = [[path, _value(rng)] for path in paths if rng.random() < 0.5]
    attributes = [[path, [["tt.divisibility", 16]]] for path in paths if rng.random() < 0.5]
    return {"signature": signature, "constants": constants, "attributes": attributes, "options": _values(rng)}


def _tuner(rng: Random) -> dict[str, Any]:
    winners = [[[_value(rng)], _values(rng)] for _ in range(rng.randrange(3))]
    names = {"arg_names": ["x", "n"], "keys": ["n"][: rng.randrange(2)]}
    return {"module": "m", "name": _name(rng), "target": "cuda:90", "pre_hook": False, "winners": winners, **names}


def _manifest(rng: Random, variants: list) -> dict[str, Any]:
    reads = [[rng.choice((0, "triton.language")), _name(rng), "1"] for _ in range(rng.randrange(3))]
    ttir = [rng.choice(variants)["own"]["source.text"] for _ in range(rng.randrange(1, 3))]
    return {"name": _name(rng), "alternatives": [[name, reads, [[0, "N"]]] for name in ttir]}


def tidied(content: Any) -> Any:
    """*content* with the digests of its tables put right, and sorted, as far as it is whole enough for that."""
    content = copy.deepcopy(content)
    for table, member in (("kernels", "kernel"), ("producers", "producer"), ("code", "code")):
        with contextlib.suppress(AttributeError, KeyError, TypeError):
            names = {name: bundle_archive.digest(item) for name, item in content[table].items()}
            content[table] = {names[name]: item for name, item in content[table].items()}
            for variant in content["variants"]:
                variant[member] = names.get(variant[member], variant[member])
    for sort in (_sort_variants, _sort_tuners, _sort_manifests):
        with contextlib.suppress(AttributeError, IndexError, KeyError, TypeError):
            sort(content)
    return content


def _sort_variants(content: Any) -> None:
    content["variants"] = _set(content["variants"], lambda item: [item["kernel"], item["target"], item["key"]])
    for variant in content["variants"]:
        for member in ("constants", "attributes") if variant["specialisation"] else ():
            variant["specialisation"][member] = _set(variant["specialisation"][member], lambda item: item[0])


def _sort_tuners(content: Any) -> None:
    members = ("module", "name", "target", "arg_names", "keys")
    content["tuners"] = _set(content["tuners"], lambda item: [item[member] for member in members])
    for tuner in content["tuners"]:
        tuner["winners"] = _set(tuner["winners"], lambda item: bundle_archive.canonical(item[0]).decode())


def _sort_manifests(content: Any) -> None:
    for item in content["manifests"].values():
        item["alternatives"] = _set(item["alternatives"], lambda other: bundle_archive.canonical(other).decode())


def _set(items: list, key: Callable[[Any], Any]) -> list:
    """*items* in order, without those that have the same key."""
    found = sorted(items, key=key)
    return [item for number, item in enumerate(found) if number == 0 or key(item) != key(found[number - 1])]


# -- Steps on the content of the manifest


def nested(depth: int) -> Any:
    """A list in a list, *depth* deep."""
    value: list = []
    for _ in range(depth - 1):
        value = [value]
    return value


ODD_TEXTS = ("", "/", "/root/x", "../x", "..", ".x", "a/b", "a\\b", "a\0b", "a\nb", "\ud800", "a\udfff", "\ud83d\ude00", "é", "x" * 256,
             "x" * 999, "0" * 64, "A" * 64, "cuda:90", "cuda:09", "hip:90", "cuda:90\n", "nan", "0x1p0", "0x1.8p+1", "\\ud800")  # fmt: skip
ODD_NUMBERS = (0, 1, -1, 2, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 64, 10**600 - 1, 10**600, -(10**600), 10**4000)
ODD_FLOATS = (0.5, 1e300, -0.0, 1.0, float("nan"), float("inf"))
ODD_VALUES = ([], {}, [[]], {"": None}, {"float": "nan"}, {"float": "NaN"}, {"float": "1.0"}, {"float": "0x1p0"}, {"float": 1},
              {"float": "0x1.0p+99999"}, {"float": (0.1).hex()}, {"tuple": 1}, {"list": [{"tuple": []}]}, {"float": "inf", "list": []},
              {"opaque": 1}, {"dtype": "fp8"}, {"constexpr": {"constexpr": 1}}, {"other": 1}, nested(9), *map(nested, range(55, 66)), nested(400))  # fmt: skip
ODD = (None, True, False, *ODD_NUMBERS, *ODD_TEXTS, *ODD_FLOATS, *ODD_VALUES)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each object or list in *value* with each of its keys."""
    for key in [*value] if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from _places(value[key])


def _place(rng: Random, content: Any, wanted: Callable[[Any], bool] = lambda value: True) -> tuple[Any, Any]:
    """A place in *content* whose value is *wanted*, if there is one."""
    return rng.choice([place for place in _places(content) if wanted(place[0][place[1]])] or [({0: content}, 0)])


def replace_value(rng: Random, content: Any) -> None:
    where, key = _place(rng, content)
    where[key] = copy.deepcopy(rng.choice(ODD))


def replace_by_another(rng: Random, content: Any) -> None:
    (where, key), (source, of) = _place(rng, content), _place(rng, content)
    where[key] = copy.deepcopy(source[of])


def replace_text(rng: Random, content: Any) -> None:
    where, key = _place(rng, content, lambda value: type(value) is str)
    where[key] = rng.choice((*ODD_TEXTS, _name(rng), _hex(rng)))


def replace_number(rng: Random, content: Any) -> None:
    where, key = _place(rng, content, lambda value: type(value) is int)
    where[key] = rng.choice(ODD_NUMBERS)


def replace_value_of_bundle(rng: Random, content: Any) -> None:
    where, key = _place(rng, content, lambda value: type(value) is dict and len(value) == 1)
    where[key] = _value(rng)


def remove(rng: Random, content: Any) -> None:
    where, key = _place(rng, content)
    del where[key]


def rename_key(rng: Random, content: Any) -> None:
    where, key = _place(rng, content)
    if isinstance(where, dict):
        where[rng.choice((*ODD_TEXTS, _name(rng), _hex(rng)))] = where.pop(key)


def add_key(rng: Random, content: Any) -> None:
    where, key = _place(rng, content, lambda value: type(value) is dict)
    where[key] = {**where[key], rng.choice((*ODD_TEXTS, "name", "options")): copy.deepcopy(rng.choice(ODD))}


def change_list(rng: Random, content: Any) -> None:
    where, key = _place(rng, content, lambda value: type(value) is list and value)
    items = where[key]
    if type(items) is list:
        change = rng.choice((list.reverse, rng.shuffle, lambda some: some.append(copy.deepcopy(rng.choice(some))), list.pop))
        change(items)


def change_names(rng: Random, content: Any) -> None:
    """A name of files, or a text in metadata."""
    item = rng.choice([*content["variants"], *content["manifests"].values()])
    if "metadata" in item and rng.random() < 0.5:
        item = item["metadata"]
    item["name"] = rng.choice(ODD_TEXTS)


def change_order(rng: Random, content: Any) -> None:
    """A list that is a set is in another order, or has something twice."""
    specials = [variant["specialisation"] for variant in content["variants"] if variant["specialisation"]]
    lists = [content["variants"], content["tuners"], *(tuner["winners"] for tuner in content["tuners"])]
    lists += [item["alternatives"] for item in content["manifests"].values()]
    lists += [special[member] for special in specials for member in ("constants", "attributes")]
    lists += [items for special in specials for _, items in special["attributes"]]
    items = rng.choice([items for items in lists if items])
    items.append(items[0]) if rng.random() < 0.3 else items.reverse()


def drop_variant(rng: Random, content: Any) -> None:
    content["variants"].remove(rng.choice(content["variants"]))


def lie(rng: Random, content: Any) -> None:
    """Something that is launched by is another or missing, which may keep all rules or just not."""
    metadata = rng.choice(content["variants"])["metadata"]
    name = rng.choice(
        (
            "name",
            "shared",
            "tmem_size",
            "tensordesc_meta",
            "instrumentation_mode",
            *bundle_archive.LAUNCHING,
            "target",
            "class",
            "_x",
            "a b",
            "count",
        )
    )
    value = rng.choice((0, 1, 16, 17, 32, 64, 65, 2**31 - 1, 2**31, 2**32 - 1, True, None, "x", [], [1]))
    descriptors = metadata.get("tensordesc_meta")
    if rng.random() < 0.3:
        metadata.pop(name, None)
    elif name == "tensordesc_meta" and descriptors:
        descriptors[0][rng.choice([*descriptors[0]])] = value
    elif name == "target":
        metadata["target"] = {**metadata["target"], "warp_size": value}
    else:
        metadata[name] = value


def lie_anywhere(rng: Random, content: Any) -> None:
    """A field of the schema has another value that it may have; what names or repeats it follows, so that all rules are kept."""
    fields: dict[str, list[Field]] = {}
    for field in _fields(content, bundle_validator.CONTENT, ""):
        fields.setdefault(field.path, []).append(field)
    where, key, shape, _ = rng.choice(fields[rng.choice(sorted(fields))])
    where[key] = rng.choice(list(_others(rng, where[key], shape, key)))
    keep_references(content)


class Field(NamedTuple):
    """A place in a content, what may be there, and its path in the schema."""

    where: Any
    key: Any
    shape: Any
    path: str


def _fields(value: Any, shape: Any, path: str) -> Iterator[Field]:
    """Every field in *value*, which has the *shape*: those of the schema, and whatever is in JSON that it leaves open."""
    if isinstance(shape, bundle_validator.Either):
        shape = shape.one if fits(value, shape.one) else shape.other
    if not isinstance(value, dict | list):
        return
    for key in [*value] if isinstance(value, dict) else range(len(value)):
        inner = _shape_in(shape, key, value)
        name = f"{path}.{key}" if isinstance(shape, dict) or shape is bundle_validator._metadata else f"{path}.*"
        yield Field(value, key, inner, name)
        yield from _fields(value[key], inner, name)


def _shape_in(shape: Any, key: Any, value: Any) -> Any:
    """What may be at *key* of *value*, which has the *shape*; None: any JSON."""
    match shape:
        case bundle_validator.Map():
            return shape.item
        case dict() | tuple():
            return shape[key]
        case list():
            return shape[0]
    if shape is bundle_validator._metadata:
        return lambda other: bundle_validator._metadata(value | {key: other})
    return bundle_validator._value if shape is bundle_validator._value else None


def _others(rng: Random, value: Any, shape: Any, key: Any) -> Iterator[Any]:
    """Values other than *value* of the *shape*: what is near it, the ends, other texts, less, more and other of it."""
    near: list[Any] = [
        *ODD,
        "cuda:100",
        "fp32",
        "constexpr",
        "positional",
        "keyword",
        "variadic",
        "*fp32",
        "i64",
        _hex(rng),
        _name(rng),
    ]
    if type(value) is int:
        near += [value + 1, value - 1, value * 2, value ^ 1, 3, 5, 6, 7, 15, 16, 17, 32, 63, 64, 1023, 1024, (1 << 31) - 1]
    if isinstance(value, list) and value:
        near += [value[:-1], value[1:], [*value, value[0]], [*value, value[-1]], value[::-1]]
    if isinstance(value, dict) and value:
        name = rng.choice([*value])
        near += [{other: value[other] for other in value if other != name}, {**value, f"{name}x": value[name]}]
    fitting = [other for other in near if other != value and (shape is None or fits(other, shape))]
    yield from (copy.deepcopy(other) for other in fitting or [value])


def keep_references(content: Any) -> None:
    """What variants and autotuners refer to has the names that its content gives it, and nothing else is there."""
    for variant in content["variants"]:
        target = variant["metadata"]["target"]
        variant["target"] = f"{target['backend']}:{target['arch']}"
    used = {item["target"] for item in (*content["variants"], *content["tuners"])}
    options = next(iter(content["targets"].values()), {"options": {}})
    content["targets"] = {target: content["targets"].get(target, options) for target in used}
    content.update(tidied(content))


CONTENT_STEPS = (
    lie, lie_anywhere, lie_anywhere, lie_anywhere, lie_anywhere, lie_anywhere, lie_anywhere,
    replace_value, replace_by_another, replace_text, replace_number, replace_value_of_bundle, remove, rename_key, add_key,
    change_list, change_names, change_order, drop_variant,
)  # fmt: skip


# -- Steps on the text of the manifest


def other_member(rng: Random, text: bytes) -> bytes:
    """One of the three members is another."""
    value = json.loads(text)
    name = rng.choice(("version", "digest", "content", "more"))
    value[name] = rng.choice((2, 99, 10**599, 0, -1, True, "1", None, [], {}, "0" * 64, 1.0))
    if rng.random() < 0.2:
        del value[name]
    return bundle_archive.canonical(value)


def other_writing(rng: Random, text: bytes) -> bytes:
    """The same value, written otherwise."""
    value = json.loads(text)
    options = rng.choice(({"indent": 1}, {"sort_keys": False}, {"ensure_ascii": False}, {"separators": (",", ": ")}))
    written = json.dumps(value, **{"sort_keys": True, "separators": (",", ":"), **options})
    return written.encode("utf-8", "surrogatepass")


def other_token(rng: Random, text: bytes) -> bytes:
    """Something that JSON or Python has, and manifests have not, in the place of a token."""
    places = [at for at, byte in enumerate(text) if byte in b'0123456789{}[]",:tfn']
    at = rng.choice(places)
    odd = (b"NaN", b"-Infinity", b"1.5", b"1e9", b"-0", b"01", b"9" * 700, b"9" * 5000, b"[" * 99, b"[" * 100_000, b'{"a":' * 3000, b" ", b"\n",
           b'"\\ud800"', b'"\\u0041"', b'"\\u00E9"', b'"version":2,', b'"version":1,', b"\xef\xbb\xbf", b"\0", b"\xff", b"'", b"//")  # fmt: skip
    return text[:at] + rng.choice(odd) + text[at + rng.randrange(2) :]


MANIFEST_STEPS = (other_member, other_writing, other_token)


# -- Steps on the entries of the archive


class Archive(NamedTuple):
    """What `bundle_archive.archive` takes."""

    entries: list[Entry]
    options: dict[str, Any]

    def change(self, rng: Random, **changes: Any) -> None:
        """Changes one of the entries."""
        if self.entries:
            at = rng.randrange(len(self.entries))
            self.entries[at] = self.entries[at].but(**changes)


#: The header fields that have four bytes; the others have two.
WIDE = ("crc", "packed", "size", "external", "offset")


def _field(rng: Random, names: tuple[str, ...]) -> dict[str, int]:
    """Another value for one of the header fields *names*."""
    name = rng.choice(names[1:])
    return {
        name: rng.choice(
            (0, 1, 8, 20, 45, 51, 255, 0x800, 0xFFFF, *((1 << 16, 1 << 31, (1 << 32) - 1) if name in WIDE else ()))
        )
    }


def patch_header(rng: Random, made: Archive) -> None:
    which = rng.randrange(3)
    local = _field(rng, LOCAL_FIELDS)
    central = local if which == 2 else _field(rng, CENTRAL_FIELDS)
    made.change(rng, local=local if which != 1 else {}, central=central if which != 0 else {})


def patch_end(rng: Random, made: Archive) -> None:
    name = rng.choice(END_FIELDS[1:])
    made.options[name] = rng.choice((0, 1, 2, 0xFFFF, *((1 << 20, (1 << 32) - 1) if name in ("size", "offset") else ())))


def rename(rng: Random, made: Archive) -> None:
    names = [b"../x", b"/etc/passwd", b"manifest.json", b"a/b", b"MANIFEST.JSON", b"", b"x\0y", "é".encode(), b"x" * 3000, b"0" * 64,
             b"A" * 64, b"f" * 64 + b"\n", *(entry.name for entry in made.entries)]  # fmt: skip
    made.change(rng, **{rng.choice(("name", "name", "local_name")): rng.choice(names)})


def move(rng: Random, made: Archive) -> None:
    """An entry is dropped, doubled, put elsewhere or not listed."""
    if not made.entries:
        return
    at, to = rng.randrange(len(made.entries)), rng.randrange(len(made.entries))
    choice = rng.randrange(4)
    if choice == 0:
        del made.entries[at]
    elif choice == 1:
        made.entries.insert(to, made.entries[at])
    elif choice == 2:
        made.entries.insert(to, made.entries.pop(at))
    else:
        made.entries[at] = made.entries[at].but(is_listed=False)


def pack_otherwise(rng: Random, made: Archive) -> None:
    """What another writer might have made: other levels, stored or deflated; and methods that nobody may use."""
    for at, entry in enumerate(made.entries):
        if rng.random() < 0.5:
            method = rng.choice((STORED, DEFLATED, DEFLATED, DEFLATED, 12))
            data = bundle_archive.deflate(entry.content, rng.randrange(10)) if method == DEFLATED else None
            made.entries[at] = entry.but(method=method, data=data)


def hide(rng: Random, made: Archive) -> None:
    """Bytes where nobody looks."""
    more = rng.choice((b"\0", b"hidden", b"PK\3\4", b"PK\5\6" + bytes(18), b"PK\7\x08" + bytes(12), bytes(300)))
    if not made.entries or rng.random() < 0.3:
        made.options[rng.choice(("gap", "comment"))] = more
        return
    entry = rng.choice(made.entries)
    place = rng.choice(("before", "after", "local_extra", "central_extra", "comment", "data"))
    made.change(rng, **{place: entry.packed + more if place == "data" else more})


def other_kind(rng: Random, made: Archive) -> None:
    """Features of zip that bundles do not use."""
    zip64 = b"PK\6\6" + bytes(52) + b"PK\6\7" + bytes(16)
    choice = rng.randrange(5)
    if choice == 0:
        made.options["gap"] = zip64
    elif choice == 1:
        made.change(
            rng, local={"flags": 8, "crc": 0, "packed": 0, "size": 0}, central={"flags": 8}, after=b"PK\7\x08" + bytes(12)
        )
    elif choice == 2:
        made.change(rng, local={"flags": 1}, central={"flags": 1})
    elif choice == 3:
        made.change(rng, central={"size": (1 << 32) - 1, "packed": (1 << 32) - 1}, central_extra=b"\1\0\x10\0" + bytes(16))
    else:
        made.options["comment"] = b"graft-ed25519:%s:%s" % (_hex(rng).encode(), (_hex(rng) * 2).encode())


def other_content(rng: Random, made: Archive) -> None:
    """Contents of all sizes, with right headers; what is an artifact may be called by its digest."""
    content = rng.choice(
        (b"", b"x", bytes(rng.randrange(60_000)), rng.randbytes(rng.randrange(20_000)), rng.randbytes(99) * 300)
    )
    entry = bundle_archive.artifact(content, rng.choice((STORED, DEFLATED)))
    if rng.random() < 0.5:
        made.change(rng, content=content, method=entry.method, data=None)
    else:
        made.entries[1:] = sorted([*made.entries[1:], entry], key=lambda other: other.name)


def wrong_data(rng: Random, made: Archive) -> None:
    """Data that is not what the headers say: cut, changed, or far more or less of it."""
    if made.entries:
        at = rng.randrange(len(made.entries))
        entry = made.entries[at]
        data = rng.choice(
            (entry.packed[: len(entry.packed) // 2], bundle_archive.deflate(bytes(50_000)), b"", entry.packed[::-1])
        )
        local = {"size": len(entry.content), "packed": len(data)}
        made.entries[at] = entry.but(method=rng.choice((STORED, DEFLATED)), data=data, local=local, central=local)


def overlap(rng: Random, made: Archive) -> None:
    made.change(rng, central={"offset": rng.choice((0, 1, 30, rng.randrange(3000)))})


ARCHIVE_STEPS = (
    patch_header, patch_header, patch_end, rename, move, pack_otherwise, hide, other_kind, other_content, wrong_data, overlap,
)  # fmt: skip


# -- Steps on the bytes of the file


def _range(rng: Random, data: bytes) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice((1, 1, 2, 4, 30, 300)))


def flip_bits(rng: Random, data: bytes, other: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 9)) if data else 0):
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def overwrite(rng: Random, data: bytes, other: bytes) -> bytes:
    start, _ = _range(rng, data)
    more = rng.choice((b"\0", b"\xff", b"\xff\xff", b"\xff" * 4, bytes(4), b"\0\0\0\x80", b"PK\5\6", b"PK\1\2", b"PK\3\4"))
    return data[:start] + more + data[start + len(more) :]


def insert(rng: Random, data: bytes, other: bytes) -> bytes:
    start, _ = _range(rng, data)
    return data[:start] + rng.choice((b"\0", b"PK\3\4", rng.randbytes(9), bytes(70_000))) + data[start:]


def delete(rng: Random, data: bytes, other: bytes) -> bytes:
    start, end = _range(rng, data)
    return data[:start] + data[end:]


def truncate(rng: Random, data: bytes, other: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def grow(rng: Random, data: bytes, other: bytes) -> bytes:
    more = rng.choice((b"\n", bytes(9), b"PK\5\6" + bytes(18), data, other, bytes(50_000)))
    return rng.choice((data + more, more + data))


def copy_range(rng: Random, data: bytes, other: bytes) -> bytes:
    (start, end), to = _range(rng, data), rng.randrange(len(data) + 1)
    return data[:to] + data[start:end] + data[to + rng.choice((0, end - start)) :]


def splice(rng: Random, data: bytes, other: bytes) -> bytes:
    """The beginning of one bundle and the end of another, cut anywhere or where records begin."""
    cuts = [rng.choice(_records(part) or [0]) if rng.random() < 0.7 else rng.randrange(len(part) + 1) for part in (data, other)]
    return data[: cuts[0]] + other[cuts[1] :]


def _records(data: bytes) -> list[int]:
    return [at for at in range(len(data)) if data[at : at + 4] in (b"PK\1\2", b"PK\3\4", b"PK\5\6")]


BYTE_STEPS = (flip_bits, flip_bits, overwrite, insert, delete, truncate, grow, copy_range, splice, splice)


# -- Mutants


@dataclasses.dataclass
class Mutant:
    """A file, and what is known of how it came about."""

    data: bytes
    originals: list[format.Bundle]
    is_sealed: bool
    #: The names of its steps.
    steps: list[str]


LEVELS = (CONTENT_STEPS, MANIFEST_STEPS, ARCHIVE_STEPS, BYTE_STEPS)


def mutant(seed: int, number: int, left_out: frozenset[int] = frozenset()) -> Mutant:
    """The mutant *seed*:*number*, without the steps that are *left_out*."""
    rng = Random(f"{seed}:{number}")
    base, other = (random_bundle(Random(f"{seed}:{rng.randrange(500)}")) for _ in range(2))
    levels = sorted(rng.choices(range(4), (5, 1, 4, 2), k=rng.choice((1, 1, 1, 2, 3))))
    plan = [(level, rng.choice(LEVELS[level])) for level in levels]
    kept = [(level, step, Random(f"{seed}:{number}:{at}")) for at, (level, step) in enumerate(plan) if at not in left_out]
    names = [step.__name__ for _, step, _ in kept]

    def steps(level: int) -> list[tuple[Callable, Random]]:
        return [(step, own) for at, step, own in kept if at == level]

    content = _changed(base.content, steps(0))
    made = Archive(bundle_archive.entries(content, base.artifacts.values(), rng.choice((STORED, DEFLATED))), {})
    for step, own in steps(1):
        with _steps_may_fail():
            made.entries[0] = made.entries[0].but(content=step(own, made.entries[0].content))
    for step, own in steps(2):
        step(own, made)
    data = bundle_archive.archive(made.entries, **made.options)
    for step, own in steps(3):
        data = step(own, data, bundle_archive.bundle(other.content, other.artifacts.values()))
    return Mutant(data, [base, other], bool(steps(0)) or "other_member" in names, names)


def _steps_may_fail() -> contextlib.AbstractContextManager[None]:
    """A step before may have taken what a step needs, or left what it cannot take."""
    return contextlib.suppress(AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError)


def _changed(content: Any, steps: list[tuple[Callable, Random]]) -> Any:
    content = copy.deepcopy(content)
    for step, rng in steps:
        with _steps_may_fail():
            step(rng, content)
        if rng.random() < 0.6:
            content = tidied(content)
    return content


# -- What a reader has to make of them


class TooSlowError(BaseException):
    """A mutant took longer than it may."""


class Outcome(NamedTuple):
    """The rule that is broken, or "accepted"; and what is wrong about that, or nothing."""

    answer: str
    failure: str = ""


def examine(made: Mutant) -> Outcome:
    """What the reader makes of a mutant. To be called with `small_limits`."""
    try:
        with time_limit(SECONDS, TooSlowError(f"it takes more than {SECONDS} s")):
            bundle = format.unpack(made.data)
    except BundleError as error:
        return Outcome(error.rule, _wrong_refusal(error, broken_rule(made.data, LIMITS)))
    except (Exception, TooSlowError) as error:
        return Outcome(type(error).__name__, f"it raises {type(error).__name__}: {str(error)[:200]}")
    return Outcome("accepted", _wrong_acceptance(made, bundle))


def _wrong_refusal(error: BundleError, expected: str | None) -> str:
    message = str(error)
    if error.rule not in RULES or len(message) > 1000 or not message.isprintable():
        return f"the rule is {error.rule}, the message has {len(message)} characters: {message[:200]!r}"
    found = "container" if RULES.index(error.rule) < RULES.index("artifact") else error.rule
    return "" if found == expected else f"it is refused by {message!r}, where the validator says {expected}"


def _wrong_acceptance(made: Mutant, bundle: format.Bundle) -> str:
    if (broken := broken_rule(made.data, LIMITS)) is not None:
        return f"it is accepted, where the validator says {broken}"
    if not made.is_sealed and bundle not in made.originals:
        return "its content was changed"
    if fault := fault_in_use(bundle):
        return fault
    try:
        again = format.pack(bundle)
        return "" if format.unpack(again) == bundle and format.pack(bundle) == again else "it is another after it is packed"
    except BundleError as error:
        return f"it cannot be packed again: {error}"


@contextlib.contextmanager
def small_limits() -> Iterator[None]:
    """The reader with `LIMITS`."""
    names = ("MAX_FILE", "MAX_MANIFEST", "MAX_ARTIFACT", "MAX_TOTAL")
    before = [getattr(container, name) for name in names]
    for name, limit in zip(names, LIMITS, strict=True):
        setattr(container, name, limit)
    try:
        yield
    finally:
        for name, limit in zip(names, before, strict=True):
            setattr(container, name, limit)


# -- Many of them


class Report(NamedTuple):
    """How often each answer came, and what was wrong, by number."""

    answers: Counter[str]
    failures: dict[int, str]


def run(seed: int, numbers: range) -> Report:
    """Examines the mutants *numbers*."""
    report = Report(Counter(), {})
    with small_limits():
        for number in numbers:
            answer, failure = examine(mutant(seed, number))
            report.answers[answer] += 1
            if failure:
                report.failures[number] = f"{failure}; steps: {', '.join(_minimised(seed, number))}"
    return report


def _minimised(seed: int, number: int) -> list[str]:
    """The steps of a mutant that fails, without those that need not be there."""
    left_out: frozenset[int] = frozenset()
    for at in range(3):
        if examine(mutant(seed, number, left_out | {at})).failure:
            left_out |= {at}
    return mutant(seed, number, left_out).steps


def run_apart(seed: int, numbers: range) -> Report:
    """`run` in a process of its own, which has `MEMORY_BYTES` and whose death is a failure."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_run_and_send, args=(seed, numbers, there))
    process.start()
    there.close()
    try:
        report = here.recv()
    except EOFError:
        report = None
    process.join()
    if report is not None:
        return report
    if len(numbers) == 1:
        return Report(Counter(died=1), {numbers[0]: f"the process ends with {process.exitcode}"})
    middle = len(numbers) // 2
    halves = [run_apart(seed, half) for half in (numbers[:middle], numbers[middle:])]
    return Report(halves[0].answers + halves[1].answers, halves[0].failures | halves[1].failures)


def _run_and_send(seed: int, numbers: range, pipe: Any) -> None:
    with open("/proc/self/statm") as stream:
        now = int(stream.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY_BYTES, now + MEMORY_BYTES))
    pipe.send(run(seed, numbers))


def format_table(answers: Counter[str]) -> str:
    """How often each rule was the answer, and which never was."""
    rows = [f"{answer:>12}  {answers[answer]:>8,}" for answer in ("accepted", *RULES)]
    rows += [f"{answer:>12}  {count:>8,}" for answer, count in sorted(answers.items()) if answer not in ("accepted", *RULES)]
    never = [rule for rule in RULES if not answers[rule]]
    return "\n".join([*rows, f"never met: {', '.join(never) or 'none'}"])


def main() -> int:
    parser = argparse.ArgumentParser(description="Gives mutated bundles to the reader.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first mutant")
    arguments = parser.parse_args()
    answers: Counter[str] = Counter()
    failed, part = 0, 2000
    end = arguments.first + arguments.count
    for first in range(arguments.first, end, part):
        report = run_apart(arguments.seed, range(first, min(end, first + part)))
        answers += report.answers
        failed += len(report.failures)
        for number, failure in sorted(report.failures.items()):
            print(f"{arguments.seed}:{number}: {failure}")
        print(f"{sum(answers.values()):,} of {arguments.count:,} mutants, {failed:,} failures", flush=True)
    print(format_table(answers))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
