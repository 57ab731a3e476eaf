# SPDX-License-Identifier: MIT
"""The manifest of a bundle (rules 11 to 17 of docs/bundle-format.md), and bundles in memory."""

from __future__ import annotations

import hashlib
import itertools
import json
import keyword
import re
import reprlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, NoReturn

from . import container
from .container import Container
from .errors import BundleError

VERSION = 1

#: The content of a manifest: JSON, as docs/bundle-format.md describes it.
Content = dict[str, Any]

#: How deep lists and objects of a manifest are in each other.
MAX_DEPTH = 64
#: No number of a manifest has more digits: Python reads and writes these whatever limit it is told to have.
MAX_DIGITS = 600
_TOO_LARGE = 10**MAX_DIGITS
#: How many alternatives a manifest of the cache has.
MAX_ALTERNATIVES = 64
#: How many fields the metadata of a kernel has, and how many bytes the name of its function. Triton's have some forty, and a short one.
MAX_FIELDS, MAX_NAME = 256, 4096

_DIGEST = re.compile(r"[0-9a-f]{64}")
_TARGET = re.compile(r"[a-z]+:[1-9][0-9]{0,5}")
#: What can be the name of a file in any folder.
_FILE_NAME = re.compile(r"(?!\.)[^/\\\x00-\x1f\x7f]{1,255}")


class Bundle(NamedTuple):
    """A bundle in memory."""

    content: Content
    #: By digest.
    artifacts: dict[str, bytes]

    @property
    def digest(self) -> str:
        """Names the content: equal for equal content, however the file was written."""
        return digest(self.content)


# -- Writing and reading


def canonical(value: Any) -> str:
    """*value* as JSON, the same text for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """The SHA-256 of *value* as canonical JSON, in 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def pack(bundle: Bundle) -> bytes:
    """The bytes of *bundle*, which has to keep all rules. Raises `BundleError`."""
    content = bundle.content
    _check_depth({"content": content})
    _check(content, bundle.artifacts)
    manifest = canonical({"content": content, "digest": digest(content), "version": VERSION}).encode()
    _check_surrogates(content, manifest)
    return container.write(Container(manifest, bundle.artifacts))


def unpack(data: bytes) -> Bundle:
    """The bundle whose bytes are *data*. Raises `BundleError` for the first rule that is broken."""
    manifest, artifacts = container.read(data)
    content = _parse(manifest)
    _check(content, artifacts)
    return Bundle(content, artifacts)


def _refuse(rule: str, message: str) -> NoReturn:
    raise BundleError(rule, message)


# -- Rules "json", "version" and "digest"


def _parse(manifest: bytes) -> Content:
    try:
        return _checked(manifest)
    except RecursionError:
        _refuse("json", "its manifest is nested too deeply")


def _checked(manifest: bytes) -> Content:
    value, fractions = _load(manifest)
    version = value.get("version") if type(value) is dict else None
    if type(version) is int and version > VERSION:
        _refuse(
            "version",
            f"its format is version {_shown(version)}, and this reader knows version {VERSION}: install a newer triton-graft",
        )
    if fractions:
        _refuse("json", f"its manifest has the number {fractions[0][:60]}, and all numbers have to be integers")
    _check_depth(value)
    if canonical(value).encode() != manifest:
        _refuse("json", "its manifest is not written canonically")
    _check_surrogates(value, manifest)
    if type(value) is not dict or type(version) is not int or version != VERSION:
        _refuse("version", f"its manifest does not say that it is of version {VERSION}")
    if value.keys() != {"content", "digest", "version"}:
        _refuse("version", f"its manifest is not one of version {VERSION}, which has a content, a digest and the version")
    # The manifest is canonical, so the content's text is in it.
    content = manifest[len('{"content":') : -len(f',"digest":"{"0" * 64}","version":{VERSION}}}')]
    if value["digest"] != hashlib.sha256(content).hexdigest():
        _refuse("digest", "its manifest does not have the digest that it names: it was changed after it was written")
    return value["content"]


def _load(manifest: bytes) -> tuple[Any, list[str]]:
    """The JSON *manifest*, and the texts of those of its numbers that are no integers."""
    fractions: list[str] = []

    def integer(text: str) -> int:
        if len(text.lstrip("-")) > MAX_DIGITS:
            _refuse("json", f"its manifest has an integer of more than {MAX_DIGITS} digits")
        return int(text)

    try:
        text = manifest.decode("ascii")
        value = json.loads(text, parse_int=integer, parse_float=fractions.append, parse_constant=fractions.append)
    except UnicodeDecodeError as error:
        _refuse("json", f"its manifest has the byte {manifest[error.start]:#x} at {error.start}, which is not ASCII")
    except json.JSONDecodeError as error:
        _refuse("json", f"its manifest is not JSON ({error})")
    return value, fractions


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [item for node in level if type(node) in (dict, list) for _, item in _items(node)]
    if any(type(node) in (dict, list) for node in level):
        _refuse("json", f"its manifest is nested more than {MAX_DEPTH} deep")


def _check_surrogates(value: Any, written: bytes) -> None:
    """Checks that the texts of *value*, which is *written* so, can be written to files and shown."""
    if b"\\ud" in written:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            found = error.object[error.start]
            _refuse("json", f"its manifest has a text with {found!a}, which is half of a character")


# -- Rule "schema"

#: Where a value is: where the object or list is that has it, and the key or number that it has there.
Place = tuple[Any, str | int] | None
Check = Callable[[Any, Place], None]

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 80
_short.maxdict = _short.maxlist = _short.maxlevel = 2


def _shown(value: Any) -> str:
    """*value* for a message: short, on one line, and printable."""
    try:
        return _short.repr(value)
    except ValueError:  # what Python does not write either
        return f"an integer of {value.bit_length()} bits"


def _path_to(place: Place) -> str:
    """*place* for a message."""
    steps: list[str] = []
    while place is not None:
        place, name = place
        is_plain = type(name) is str and len(name) <= 64 and re.fullmatch(r"\w+", name, re.ASCII)
        steps.append(f".{name}" if is_plain else f"[{_shown(name)}]")
    steps.reverse()
    return "".join(["content", *steps[:12], *("…" for _ in steps[12:13])])


def _schema(place: Place, expected: str, value: Any) -> NoReturn:
    _refuse("schema", f"{_path_to(place)} is {_shown(value)}, where there has to be {expected}")


def _is(kind: type, expected: str) -> Check:
    def check(value: Any, place: Place) -> None:
        if type(value) is not kind:
            _schema(place, expected, value)

    return check


def _matches(pattern: re.Pattern[str], expected: str) -> Check:
    def check(value: Any, place: Place) -> None:
        if type(value) is not str or not pattern.fullmatch(value):
            _schema(place, expected, value)

    return check


def _one_of(*allowed: str) -> Check:
    def check(value: Any, place: Place) -> None:
        if type(value) is not str or value not in allowed:
            _schema(place, f"one of {', '.join(allowed)}", value)

    return check


def _list(item: Check, most: int | None = None) -> Check:
    def check(value: Any, place: Place) -> None:
        if type(value) is not list or (most is not None and len(value) > most):
            _schema(place, "a list" if most is None else f"a list of at most {most}", value)
        for index, element in enumerate(value):
            item(element, (place, index))

    return check


def _tuple(*items: Check) -> Check:
    def check(value: Any, place: Place) -> None:
        if type(value) is not list or len(value) != len(items):
            _schema(place, f"a list of {len(items)}", value)
        for index, (item, element) in enumerate(zip(items, value, strict=True)):
            item(element, (place, index))

    return check


def _map(item: Check, key: Check | None = None) -> Check:
    check_key = key or _text

    def check(value: Any, place: Place) -> None:
        if type(value) is not dict:
            _schema(place, "an object", value)
        for name, element in value.items():
            check_key(name, (place, name))
            item(element, (place, name))

    return check


def _record(**members: Check) -> Check:
    def check(value: Any, place: Place) -> None:
        if type(value) is not dict:
            _schema(place, f"an object with {', '.join(members)}", value)
        for name in members:
            if name not in value:
                _refuse("schema", f"{_path_to(place)} has no {name}")
        for name, element in value.items():
            if name not in members:
                _refuse("schema", f"{_path_to(place)} has {_shown(name)}, which is not among {', '.join(members)}")
            members[name](element, (place, name))

    return check


def _or_null(other: Check) -> Check:
    return lambda value, place: None if value is None else other(value, place)


_text, _flag = _is(str, "a text"), _is(bool, "true or false")
_digest_text = _matches(_DIGEST, "a digest of 64 hexadecimal digits")
_target_name = _matches(_TARGET, "a target such as cuda:90")
_stage = _one_of("cubin", "ttir", "ttgir", "llir", "ptx", "source")


def _number(value: Any, place: Place) -> None:
    if type(value) is not int or not 0 <= value < 1 << 32:
        _schema(place, "a number from 0 to 4294967295", value)


def _from(least: int, most: int) -> Check:
    def check(value: Any, place: Place) -> None:
        if type(value) is not int or not least <= value <= most:
            _schema(place, f"a number from {least} to {most}", value)

    return check


def _is_scalar(value: Any, place: Place) -> bool:
    if type(value) is int and abs(value) >= _TOO_LARGE:
        _schema(place, f"an integer of at most {MAX_DIGITS} digits", value)
    return value is None or type(value) in (bool, int, str)


def _value(value: Any, place: Place) -> None:
    if _is_scalar(value, place):
        return
    if type(value) is not dict or len(value) != 1 or next(iter(value)) not in _TAGGED:
        _schema(place, "a value", value)
    ((tag, inner),) = value.items()
    _TAGGED[tag](inner, (place, tag))


def _float_text(value: Any, place: Place) -> None:
    _text(value, place)
    try:
        same = value in ("nan", "inf", "-inf") or float.fromhex(value).hex() == value
    except (ValueError, OverflowError):
        same = False
    if not same:
        _schema(place, "a number as float.hex writes it", value)


_TAGGED: dict[str, Check] = {
    "float": _float_text, "tuple": _list(_value), "list": _list(_value), "dtype": _text, "constexpr": _value,
    "function": _text, "opaque": _text,
}  # fmt: skip


def _type(value: Any, place: Place) -> None:
    if type(value) is list:
        _list(_type)(value, place)
    else:
        _text(value, place)


def _json(value: Any, place: Place) -> None:
    if type(value) is dict:
        _map(_json)(value, place)
    elif type(value) is list:
        _list(_json)(value, place)
    elif not _is_scalar(value, place):
        _schema(place, "JSON without floating-point numbers", value)


def _function_name(value: Any, place: Place) -> None:
    _text(value, place)
    if len(value.encode()) > MAX_NAME:
        _schema(place, f"a name of at most {MAX_NAME} bytes", value)


def _metadata(value: Any, place: Place) -> None:
    _map(_json)(value, place)
    if len(value) > MAX_FIELDS:
        _refuse("schema", f"{_path_to(place)} has {len(value)} fields, and metadata has at most {MAX_FIELDS}")
    for name in value:
        if not _FIELD.fullmatch(name) or keyword.iskeyword(name):
            _refuse("schema", f"{_path_to(place)} has {_shown(name)}, which is not the name of a field")
    for name, check in _LAUNCHING.items():
        check(value.get(name, _MISSING), (place, name))


#: What may be a field of a named tuple, as which Triton has metadata.
_FIELD = re.compile(r"[A-Za-z][0-9A-Za-z_]*")


class _Missing:
    """Stands for what is not there: no check takes it but `_or_missing`, and messages show what it is."""

    def __repr__(self) -> str:
        return "missing"


_MISSING = _Missing()


def _or_missing(other: Check) -> Check:
    return lambda value, place: None if value is _MISSING else other(value, place)


#: What Triton makes descriptors with on a host, which hands them over as `CUtensorMap`.
_descriptor = _record(
    swizzle=_from(0, 6), elem_size=_from(1, 8), elem_type=_from(0, 15), block_size=_list(_from(1, 1024), most=5), fp4_padded=_flag,
    is_im2col=_flag,
)  # fmt: skip

#: What is launched by. Triton writes all of it for each kernel, but for what may be missing.
_LAUNCHING: dict[str, Check] = {
    "name": _function_name,
    "target": _record(backend=_text, arch=_number, warp_size=_from(32, 32)),
    "num_warps": _from(1, 64),
    "num_ctas": _from(1, 16),
    "warp_size": _from(32, 32),
    "shared": _from(0, (1 << 31) - 1),
    "tmem_size": _or_missing(_from(0, (1 << 31) - 1)),
    "global_scratch_size": _number,
    "global_scratch_align": _from(1, 1 << 30),
    "profile_scratch_size": _number,
    "profile_scratch_align": _from(1, 1 << 30),
    "launch_cooperative_grid": _flag,
    "launch_pdl": _flag,
    "instrumentation_mode": _or_missing(_text),
    "tensordesc_meta": _or_missing(_or_null(_list(_descriptor))),
}


def _base(value: Any, place: Place) -> None:
    if type(value) is not str:
        _number(value, place)


_path = _list(_number, most=16)
_components = _map(_text)
_producer = _record(graft=_text, triton=_text, compiler=_components, tools=_map(_components, _target_name))
_param = _record(
    name=_text, kind=_one_of("positional", "keyword", "variadic"), constexpr=_flag, const=_flag, annotation=_text, specialize=_flag,
    align=_flag, default=_list(_value, most=1),
)  # fmt: skip
_kernel = _record(module=_text, name=_text, debug=_flag, params=_list(_param))
_specialisation = _record(
    signature=_list(_type), constants=_list(_tuple(_path, _value)),
    attributes=_list(_tuple(_path, _list(_tuple(_text, _number)))), options=_map(_value),
)  # fmt: skip
_variant = _record(
    kernel=_digest_text, producer=_digest_text, code=_digest_text, target=_target_name, key=_digest_text, name=_text,
    own=_components, files=_map(_digest_text, _stage),
    metadata=_metadata, specialisation=_or_null(_specialisation), static=_text,
)  # fmt: skip
_tuner = _record(
    module=_text, name=_text, target=_target_name, arg_names=_list(_text), keys=_list(_text), pre_hook=_flag,
    winners=_list(_tuple(_list(_value), _map(_value))),
)  # fmt: skip
_read = _tuple(_base, _text, _text)
_alternative = _tuple(_digest_text, _list(_read), _list(_tuple(_number, _text)))
_manifest = _record(name=_text, alternatives=_list(_alternative, most=MAX_ALTERNATIVES))
_content = _record(
    producers=_map(_producer, _digest_text), code=_map(_components, _digest_text),
    targets=_map(_record(options=_map(_value)), _target_name), kernels=_map(_kernel, _digest_text), variants=_list(_variant),
    tuners=_list(_tuner), manifests=_map(_manifest, _digest_text),
)  # fmt: skip


# -- The other rules


def _check(content: Any, artifacts: dict[str, bytes]) -> None:
    """Raises `BundleError` unless *content* keeps the rules from "schema" on."""
    _content(content, None)
    _check_digests(content)
    for variant in content["variants"]:
        _check_variant(variant, content["kernels"])
    _check_references(content, artifacts)
    _check_order(content)
    _check_paths(content)


def _check_digests(content: Content) -> None:
    for table in ("producers", "code", "kernels"):
        for name, value in content[table].items():
            if digest(value) != name:
                _refuse("reference", f"content.{table} has something under {name} that does not have this digest")


def _check_variant(variant: dict[str, Any], kernels: Content) -> None:
    """Checks what a variant refers to in itself and in its kernel."""
    what = f"the variant {variant['key']} of {_shown(variant['name'])}"
    if "cubin" not in variant["files"]:
        _refuse("reference", f"{what} has no cubin")
    target = variant["metadata"]["target"]
    if f"{target['backend']}:{target['arch']}" != variant["target"]:
        _refuse("reference", f"{what} has metadata of another target")
    special = variant["specialisation"]
    if special is None and not variant["static"]:
        _refuse("reference", f"{what} is to be launched without Triton, and has no specialisation")
    if special is None or variant["kernel"] not in kernels:
        return
    types, parameters = len(special["signature"]), len(kernels[variant["kernel"]]["params"])
    if types != parameters:
        _refuse("reference", f"{what} has a signature of {types}, and its kernel has {parameters} parameters")
    for path, _ in (*special["constants"], *special["attributes"]):
        if not _leads_to_type(path, special["signature"]):
            _refuse("reference", f"{what} has the path {path}, which is not in its signature")
    constants = {tuple(path) for path, _ in special["constants"]}
    if not variant["static"] and constants != set(map(tuple, constant_paths(special["signature"]))):
        _refuse("reference", f"{what} is to be launched without Triton, and has not one constant for each constexpr")


def constant_paths(types: Any, path: tuple[int, ...] = ()) -> Iterator[list[int]]:
    """Where in a signature *types* constexprs are."""
    for place, item in enumerate(types):
        if type(item) is list:
            yield from constant_paths(item, (*path, place))
        elif item == "constexpr":
            yield [*path, place]


def _leads_to_type(path: list[int], types: Any) -> bool:
    for step in path:
        if type(types) is not list or step >= len(types):
            return False
        types = types[step]
    return bool(path)


def _check_references(content: Content, artifacts: dict[str, bytes]) -> None:
    used = _references(content)
    there = {**{table: content[table].keys() for table in _TABLES}, "artifacts": artifacts.keys()}
    for table, names in there.items():
        for name in sorted(used[table] ^ names):
            what = "is missing" if name in used[table] else "belongs to nothing"
            _refuse("reference", f"{name} of {table} {what}")
    ttir = _ttir(content["variants"])
    for key, manifest in content["manifests"].items():
        if not manifest["alternatives"] or any(alternative[0] not in ttir for alternative in manifest["alternatives"]):
            _refuse("reference", f"the manifest {key} of {_shown(manifest['name'])} leads to no variant, or to others as well")


#: What variants refer to, and by which of their members.
_TABLES = {"producers": "producer", "code": "code", "kernels": "kernel", "targets": "target"}


def _references(content: Content) -> dict[str, set[str]]:
    """The names of what variants and autotuners refer to, by table."""
    variants = content["variants"]
    used = {table: {variant[member] for variant in variants} for table, member in _TABLES.items()}
    used["targets"] |= {tuner["target"] for tuner in content["tuners"]}
    used["artifacts"] = {name for variant in variants for name in variant["files"].values()}
    return used


def _ttir(variants: list[dict[str, Any]]) -> set[str]:
    """The digests of the TTIR that *variants* were made from."""
    return {variant["own"]["source.text"] for variant in variants if "source.text" in variant["own"]}


def _check_order(content: Content) -> None:
    def check(items: Iterable[Any], what: str) -> None:
        found = list(items)
        if any(before >= after for before, after in itertools.pairwise(found)):
            _refuse("order", f"{what} are not sorted, or one is there twice")

    check(map(variant_order, content["variants"]), "the variants")
    check(map(tuner_order, content["tuners"]), "the autotuners")
    for tuner in content["tuners"]:
        check((canonical(key) for key, _ in tuner["winners"]), f"the winners of {_shown(tuner['name'])}")
    for key, manifest in content["manifests"].items():
        check(map(canonical, manifest["alternatives"]), f"the alternatives of the manifest {key}")
    for variant in content["variants"]:
        special, what = variant["specialisation"] or {"constants": [], "attributes": []}, _shown(variant["name"])
        for member in ("constants", "attributes"):
            check((item[0] for item in special[member]), f"the {member} of {what}")
        for path, items in special["attributes"]:
            check((name for name, _ in items), f"the attributes of {what} at {path}")


def _check_paths(content: Content) -> None:
    for table in ("variants", "manifests"):
        for at, item in _items(content[table]):
            if not _FILE_NAME.fullmatch(item["name"]):
                place, expected = (((None, table), at), "name"), "the name of a file, without a folder or control characters"
                _refuse("path", f"{_path_to(place)} is {_shown(item['name'])}, where there has to be {expected}")
    for at, variant in enumerate(content["variants"]):
        _check_no_path(variant["metadata"], (((None, "variants"), at), "metadata"))


def _check_no_path(value: Any, place: Place) -> None:
    if type(value) is str and value.startswith("/"):
        _refuse("path", f"{_path_to(place)} is or has the absolute path {_shown(value)}")
    if type(value) in (dict, list):
        for name, element in _items(value):
            _check_no_path(name, place)
            _check_no_path(element, (place, name))


def _items(value: Any) -> Iterable[tuple[Any, Any]]:
    """The values in an object by name, or those in a list by number."""
    return value.items() if type(value) is dict else enumerate(value)


def variant_order(variant: dict[str, Any]) -> tuple:
    """By what variants are sorted; one kernel has one variant for each target and key."""
    return variant["kernel"], variant["target"], variant["key"]


def tuner_order(tuner: dict[str, Any]) -> tuple:
    """By what autotuners are sorted."""
    return tuner["module"], tuner["name"], tuner["target"], tuner["arg_names"], tuner["keys"]


# -- Making one of others


def merge(bundles: Iterable[Bundle]) -> Bundle:
    """One bundle with all that *bundles* have; where two have the same variant or winner, that of the later.

    Raises `BundleError` where they have other defaults of options for a target: what variants leave out means another thing in each.
    """
    variants: dict[tuple, Any] = {}
    tuners: dict[str, Any] = {}
    tables: Content = {name: {} for name in ("producers", "code", "targets", "kernels", "manifests")}
    artifacts: dict[str, bytes] = {}
    for bundle in bundles:
        _merge_manifests(tables["manifests"], bundle.content["manifests"])
        _merge_targets(tables["targets"], bundle.content["targets"])
        for name in ("producers", "code", "kernels"):
            tables[name] |= bundle.content[name]
        variants |= {variant_order(variant): variant for variant in bundle.content["variants"]}
        for tuner in bundle.content["tuners"]:
            place = canonical(tuner_order(tuner))
            tuners[place] = merge_tuners(tuners[place], tuner) if place in tuners else tuner
        artifacts |= bundle.artifacts
    content = {**tables, "variants": list(variants.values()), "tuners": list(tuners.values())}
    return restrict(Bundle(content, artifacts), lambda variant: True)


def _merge_targets(into: Content, more: Content) -> None:
    for target, record in more.items():
        if into.setdefault(target, record) != record:
            _refuse(
                "target", f"one was made with other defaults of options for {target} than another, and cannot be merged with it"
            )


def _merge_manifests(into: Content, more: Content) -> None:
    for key, manifest in more.items():
        known: list = into[key]["alternatives"] if key in into else []
        new = [item for item in manifest["alternatives"] if item not in known]
        into[key] = {"name": manifest["name"], "alternatives": [*known, *new]}


def merge_tuners(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """One record of an autotuner with the winners of both; where they differ, those of the *other*."""
    winners = {canonical(key): [key, keywords] for key, keywords in (*one["winners"], *other["winners"])}
    return {
        **one,
        "pre_hook": one["pre_hook"] or other["pre_hook"],
        "winners": [winner for _, winner in sorted(winners.items())],
    }


def restrict(bundle: Bundle, wanted: Callable[[dict[str, Any]], bool]) -> Bundle:
    """*bundle* with the *wanted* variants, what they refer to, and the autotuners of their kernels and targets, in order."""
    content = bundle.content
    variants = sorted(filter(wanted, content["variants"]), key=variant_order)
    places = {(variant["target"], *_name_of(content["kernels"][variant["kernel"]])) for variant in variants}
    tuners = sorted((tuner for tuner in content["tuners"] if (tuner["target"], *_name_of(tuner)) in places), key=tuner_order)
    kept: Content = {"variants": variants, "tuners": tuners}
    used = _references(kept)
    kept.update({table: {name: content[table][name] for name in sorted(used[table])} for table in _TABLES})
    kept["manifests"] = dict(_useful(content["manifests"], _ttir(variants)))
    return Bundle(kept, {name: bundle.artifacts[name] for name in sorted(used["artifacts"])})


def _name_of(record: dict[str, Any]) -> tuple[str, str]:
    return record["module"], record["name"]


def _useful(manifests: Content, ttir: set[str]) -> Iterator[tuple[str, Any]]:
    """What of *manifests* leads to *ttir*, digests. What is too much for a manifest is left out: it would only save work."""
    for key, manifest in sorted(manifests.items()):
        alternatives = sorted((item for item in manifest["alternatives"] if item[0] in ttir), key=canonical)
        if alternatives:
            yield key, {**manifest, "alternatives": alternatives[:MAX_ALTERNATIVES]}
