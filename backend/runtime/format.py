# SPDX-License-Identifier: MIT
"""The manifest of a bundle (rules 11 to 17 of docs/bundle-format.md), and bundles in memory."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, NoReturn

from . import container
from .container import Container
from .errors import BundleError

VERSION = 1

#: The content of a manifest: JSON, as docs/bundle-format.md describes it.
Content = dict[str, Any]

_DIGEST = re.compile(r"[0-9a-f]{64}")
_TARGET = re.compile(r"[a-z]+:[1-9][0-9]{0,5}")
#: What can be the name of a file in any folder.
_FILE_NAME = re.compile(r"(?!\.)[^/\\\0]{1,255}", re.DOTALL)


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
    _check(content, bundle.artifacts)
    manifest = canonical({"content": content, "digest": digest(content), "version": VERSION})
    return container.write(Container(manifest.encode(), bundle.artifacts))


def unpack(data: bytes) -> Bundle:
    """The bundle whose bytes are *data*. Raises `BundleError` for the first rule that is broken."""
    manifest, artifacts = container.read(data)
    content = _parse(manifest)
    _check(content, artifacts)
    return Bundle(content, artifacts)


def _refuse(rule: str, message: str) -> NoReturn:
    raise BundleError(rule, message)


def _parse(manifest: bytes) -> Content:
    try:
        value = json.loads(manifest.decode("ascii"))
        version = value.get("version") if isinstance(value, dict) else None
        if type(version) is int and version > VERSION:
            _refuse(
                "version",
                f"its format is version {version}, and this reader knows version {VERSION}: install a newer triton-graft",
            )
        text = canonical(value).encode()
    except (ValueError, RecursionError) as error:
        if isinstance(error, BundleError):
            raise
        _refuse("json", f"its manifest is not JSON ({error})")
    if text != manifest:
        _refuse("json", "its manifest is not written canonically")
    if not isinstance(value, dict) or value.keys() != {"content", "digest", "version"} or version != VERSION:
        _refuse("version", f"its manifest is not one of version {VERSION}, which has a content, a digest and the version")
    if value["digest"] != digest(value["content"]):
        _refuse("digest", "its manifest does not have the digest that it names: it was changed after it was written")
    return value["content"]


# -- Rule "schema"

Check = Callable[[Any, str], None]


def _schema(where: str, expected: str, value: Any) -> NoReturn:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:60] + "…"
    _refuse("schema", f"{where} is {shown}, where there has to be {expected}")


def _is(kind: type, expected: str) -> Check:
    def check(value: Any, where: str) -> None:
        if type(value) is not kind:
            _schema(where, expected, value)

    return check


def _matches(pattern: re.Pattern[str], expected: str, rule: str = "schema") -> Check:
    def check(value: Any, where: str) -> None:
        if not isinstance(value, str):
            _schema(where, expected, value)
        if not pattern.fullmatch(value):
            _refuse(rule, f"{where} is {value[:60]!r}, where there has to be {expected}")

    return check


def _one_of(*allowed: str) -> Check:
    def check(value: Any, where: str) -> None:
        if type(value) is not str or value not in allowed:
            _schema(where, f"one of {', '.join(allowed)}", value)

    return check


def _list(item: Check, most: int | None = None) -> Check:
    def check(value: Any, where: str) -> None:
        if type(value) is not list or (most is not None and len(value) > most):
            _schema(where, "a list" if most is None else f"a list of at most {most}", value)
        for index, element in enumerate(value):
            item(element, f"{where}[{index}]")

    return check


def _tuple(*items: Check) -> Check:
    def check(value: Any, where: str) -> None:
        if type(value) is not list or len(value) != len(items):
            _schema(where, f"a list of {len(items)}", value)
        for index, (item, element) in enumerate(zip(items, value, strict=True)):
            item(element, f"{where}[{index}]")

    return check


def _map(item: Check, key: Check | None = None) -> Check:
    def check(value: Any, where: str) -> None:
        if type(value) is not dict:
            _schema(where, "an object", value)
        for name, element in value.items():
            if key is not None:
                key(name, f"a key of {where}")
            item(element, f"{where}.{name[:40]}")

    return check


def _record(**members: Check) -> Check:
    def check(value: Any, where: str) -> None:
        if type(value) is not dict or value.keys() != members.keys():
            _schema(where, f"an object with {', '.join(members)}", value)
        for name, member in members.items():
            member(value[name], f"{where}.{name}")

    return check


def _or_null(other: Check) -> Check:
    return lambda value, where: None if value is None else other(value, where)


_text, _flag = _is(str, "a text"), _is(bool, "true or false")
_digest_text = _matches(_DIGEST, "a digest of 64 hexadecimal digits")
_target_name = _matches(_TARGET, "a target such as cuda:90")
_file_name = _matches(_FILE_NAME, "the name of a file without a folder", rule="path")


def _number(value: Any, where: str) -> None:
    if type(value) is not int or not 0 <= value < 1 << 32:
        _schema(where, "a number from 0 to 2^32", value)


def _value(value: Any, where: str) -> None:
    if value is None or type(value) in (bool, int, str):
        return
    if type(value) is not dict or len(value) != 1 or next(iter(value)) not in _TAGGED:
        _schema(where, "a value", value)
    ((tag, inner),) = value.items()
    _TAGGED[tag](inner, f"{where}.{tag}")


def _float_text(value: Any, where: str) -> None:
    _text(value, where)
    try:
        same = value in ("nan", "inf", "-inf") or float.fromhex(value).hex() == value
    except (ValueError, OverflowError):
        same = False
    if not same:
        _schema(where, "a number as float.hex writes it", value)


_TAGGED: dict[str, Check] = {
    "float": _float_text, "tuple": _list(_value), "list": _list(_value), "dtype": _text, "constexpr": _value,
    "function": _text, "opaque": _text,
}  # fmt: skip


def _type(value: Any, where: str) -> None:
    if type(value) is list:
        _list(_type)(value, where)
    else:
        _text(value, where)


def _json(value: Any, where: str) -> None:
    if type(value) is float:
        _schema(where, "JSON without floating-point numbers", value)
    for name, element in value.items() if type(value) is dict else enumerate(value) if type(value) is list else ():
        _json(element, f"{where}.{name}")


def _shape_of_metadata(value: Any, where: str) -> None:
    _map(_json)(value, where)
    for name in ("name", "target", "num_warps", "num_ctas", "shared"):
        if name not in value:
            _schema(where, f"an object with {name} among others", value)
    _text(value["name"], f"{where}.name")
    _record(backend=_text, arch=_number, warp_size=_number)(value["target"], f"{where}.target")
    for name in ("num_warps", "num_ctas", "shared", "global_scratch_size", "profile_scratch_size"):
        if name in value:
            _number(value[name], f"{where}.{name}")
    _no_paths(value, where)


def _no_paths(value: Any, where: str) -> None:
    if type(value) is str and value.startswith("/"):
        _refuse("path", f"{where} is the absolute path {value[:60]!r}")
    for name, element in value.items() if type(value) is dict else enumerate(value) if type(value) is list else ():
        _no_paths(element, f"{where}.{name}")


_path = _list(_number, most=16)
_components = _map(_text)
_producer = _record(graft=_text, triton=_text, compiler=_components, tools=_map(_components, _target_name))
_param = _record(
    name=_text, kind=_one_of("positional", "keyword", "variadic"), constexpr=_flag, annotation=_text, specialize=_flag,
    align=_flag, default=_list(_value, most=1),
)  # fmt: skip
_kernel = _record(module=_text, name=_text, debug=_flag, params=_list(_param))
_specialisation = _record(
    signature=_list(_type), constants=_list(_tuple(_path, _value)),
    attributes=_list(_tuple(_path, _list(_tuple(_text, _number)))), options=_map(_value),
)  # fmt: skip
_variant = _record(
    kernel=_digest_text, producer=_digest_text, code=_digest_text, target=_target_name, key=_digest_text, name=_file_name,
    own=_components, files=_map(_digest_text, _matches(re.compile("[a-z]{1,16}"), "the name of a stage")),
    metadata=_shape_of_metadata, specialisation=_or_null(_specialisation), static=_text,
)  # fmt: skip
_tuner = _record(
    module=_text, name=_text, target=_target_name, arg_names=_list(_text), keys=_list(_text), pre_hook=_flag,
    winners=_list(_tuple(_list(_value), _map(_value))),
)  # fmt: skip
_read = _tuple(lambda value, where: None if type(value) is int else _text(value, where), _text, _text)
_alternative = _tuple(_digest_text, _list(_read), _list(_tuple(_number, _text)))
_manifest = _record(name=_file_name, alternatives=_list(_alternative, most=64))
_content = _record(
    producers=_map(_producer, _digest_text), code=_map(_components, _digest_text),
    targets=_map(_record(options=_map(_value)), _target_name), kernels=_map(_kernel, _digest_text), variants=_list(_variant),
    tuners=_list(_tuner), manifests=_map(_manifest, _digest_text),
)  # fmt: skip


# -- The other rules


def _check(content: Any, artifacts: dict[str, bytes]) -> None:
    """Raises `BundleError` unless *content* keeps the rules from "schema" on."""
    try:
        _content(content, "content")
    except RecursionError:
        _refuse("schema", "its content is nested too deeply")
    _check_references(content, artifacts)
    _check_order(content)


def _check_references(content: Content, artifacts: dict[str, bytes]) -> None:
    for table in ("producers", "code", "kernels"):
        for name, value in content[table].items():
            if digest(value) != name:
                _refuse("reference", f"content.{table} has something under {name} that does not have this digest")
    for variant in content["variants"]:
        if "cubin" not in variant["files"]:
            _refuse("reference", f"the variant {variant['key']} of {variant['name']} has no cubin")
        target = variant["metadata"]["target"]
        if f"{target['backend']}:{target['arch']}" != variant["target"]:
            _refuse("reference", f"the variant {variant['key']} of {variant['name']} has metadata of another target")
    used = _references(content)
    there = {**{table: content[table].keys() for table in _TABLES}, "artifacts": artifacts.keys()}
    for table, names in there.items():
        for name in sorted(used[table] ^ names):
            what = "is missing" if name in used[table] else "belongs to nothing"
            _refuse("reference", f"{name} of {table} {what}")


#: What variants refer to, and by which of their members.
_TABLES = {"producers": "producer", "code": "code", "kernels": "kernel", "targets": "target"}


def _references(content: Content) -> dict[str, set[str]]:
    """The names of what variants and autotuners refer to, by table."""
    variants = content["variants"]
    used = {table: {variant[member] for variant in variants} for table, member in _TABLES.items()}
    used["targets"] |= {tuner["target"] for tuner in content["tuners"]}
    used["artifacts"] = {name for variant in variants for name in variant["files"].values()}
    return used


def _check_order(content: Content) -> None:
    def check(items: Iterable[Any], what: str) -> None:
        found = list(items)
        if any(before >= after for before, after in itertools.pairwise(found)):
            _refuse("order", f"{what} are not sorted, or one is there twice")

    check(map(variant_order, content["variants"]), "the variants")
    check(map(tuner_order, content["tuners"]), "the autotuners")
    for tuner in content["tuners"]:
        check((canonical(key) for key, _ in tuner["winners"]), f"the winners of {tuner['name']}")
    for variant in content["variants"]:
        special = variant["specialisation"] or {"constants": [], "attributes": []}
        for member in ("constants", "attributes"):
            check((item[0] for item in special[member]), f"the {member} of {variant['name']}")


def variant_order(variant: dict[str, Any]) -> tuple:
    """By what variants are sorted; one kernel has one variant for each target and key."""
    return variant["kernel"], variant["target"], variant["key"]


def tuner_order(tuner: dict[str, Any]) -> tuple:
    """By what autotuners are sorted."""
    return tuner["module"], tuner["name"], tuner["target"], tuner["arg_names"], tuner["keys"]


# -- Making one of others


def merge(bundles: Iterable[Bundle]) -> Bundle:
    """One bundle with all that *bundles* have; where two have the same variant or winner, that of the later."""
    variants: dict[tuple, Any] = {}
    tuners: dict[str, Any] = {}
    tables: Content = {name: {} for name in ("producers", "code", "targets", "kernels", "manifests")}
    artifacts: dict[str, bytes] = {}
    for bundle in bundles:
        for name, table in tables.items():
            if name == "manifests":
                _merge_manifests(table, bundle.content[name])
            else:
                table.update(bundle.content[name])
        variants |= {variant_order(variant): variant for variant in bundle.content["variants"]}
        for tuner in bundle.content["tuners"]:
            place = canonical(tuner_order(tuner))
            tuners[place] = _merge_tuners(tuners[place], tuner) if place in tuners else tuner
        artifacts |= bundle.artifacts
    content = {**tables, "variants": list(variants.values()), "tuners": list(tuners.values())}
    return restrict(Bundle(content, artifacts), lambda variant: True)


def _merge_manifests(into: Content, more: Content) -> None:
    for key, manifest in more.items():
        known: list = into[key]["alternatives"] if key in into else []
        new = [item for item in manifest["alternatives"] if item not in known]
        into[key] = {"name": manifest["name"], "alternatives": sorted([*known, *new], key=canonical)}


def _merge_tuners(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    winners = {canonical(key): [key, keywords] for key, keywords in (*one["winners"], *other["winners"])}
    return {
        **one,
        "pre_hook": one["pre_hook"] or other["pre_hook"],
        "winners": [winner for _, winner in sorted(winners.items())],
    }


def restrict(bundle: Bundle, wanted: Callable[[dict[str, Any]], bool]) -> Bundle:
    """*bundle* with the *wanted* variants, what they refer to, and autotuners of their targets, in order."""
    content = bundle.content
    variants = sorted(filter(wanted, content["variants"]), key=variant_order)
    targets = {variant["target"] for variant in variants}
    tuners = sorted((tuner for tuner in content["tuners"] if tuner["target"] in targets), key=tuner_order)
    kept: Content = {"variants": variants, "tuners": tuners}
    used = _references(kept)
    kept.update({table: {name: content[table][name] for name in sorted(used[table])} for table in _TABLES})
    kept["manifests"] = dict(_useful(content["manifests"], {variant["own"].get("source.text") for variant in variants}))
    return Bundle(kept, {name: bundle.artifacts[name] for name in sorted(used["artifacts"])})


def _useful(manifests: Content, ttir: set[str | None]) -> Iterator[tuple[str, Any]]:
    """What of *manifests* leads to *ttir*, digests."""
    for key, manifest in sorted(manifests.items()):
        alternatives = [alternative for alternative in manifest["alternatives"] if alternative[0] in ttir]
        if alternatives:
            yield key, {**manifest, "alternatives": alternatives}
