# SPDX-License-Identifier: MIT
"""What a bundle says of one compiled kernel: made from the compilation itself, or from what the cache keeps of it."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler.compiler import ASTSource

from .. import __version__
from ..cache import inputs
from ..runtime import descriptors, dispatch, format, values
from ..runtime.errors import BundleError
from .importing import module_name

#: Options that are files of one machine; their content is in the key.
_FILES = ("extern_libs", "ir_override")

_KINDS = {inspect.Parameter.KEYWORD_ONLY: "keyword", inspect.Parameter.VAR_POSITIONAL: "variadic"}


# -- The function and the specialisation


def described(source: Any, options: Any) -> dict[str, Any]:
    """What the cache keeps of a compilation besides its files: `kernel`, `specialisation` and `static`, as bundles have them."""
    if not isinstance(source, ASTSource):
        nameless = {"module": "", "name": source.name, "debug": False, "params": []}
        return {
            "kernel": nameless,
            "specialisation": None,
            "static": "it was compiled from IR, and nothing is known of its arguments",
        }
    # What are defaults is decided when a bundle is made, and for all of its variants alike.
    special = _with_all_options(source, options)
    return {"kernel": kernel(source.fn), "specialisation": special, "static": why_not_static(source, special, options.arch)}


def arguments(described: Any) -> dict[str, str] | None:
    """The arguments that `described` says, by name: `*fp16:16`, `1024`; None if it says nothing that can be read."""
    try:
        special = dispatch.Specialisation(**described["specialisation"])
        parts = dispatch.parts(described["kernel"], special._replace(options={}))
    except (AttributeError, LookupError, TypeError, ValueError):  # it comes from a file
        return None
    return {name: text.removeprefix(": ").removeprefix("=") for name, text in parts.items()}


def kernel(function: Any) -> dict[str, Any]:
    """The jitted *function* and its parameters."""
    return {
        "module": module_name(function.fn),
        "name": function.fn.__qualname__,
        "debug": bool(function.debug),
        "params": [_param(param) for param in function.params],
    }


def _param(param: Any) -> dict[str, Any]:
    return {
        "name": param.name,
        "kind": _KINDS.get(param._param.kind, "positional"),
        "constexpr": param.is_constexpr,
        "const": param.is_const,
        "annotation": param.annotation_type,
        "specialize": not param.do_not_specialize,
        "align": not param.do_not_specialize_on_alignment,
        "default": [values.encode(param.default)] if param.has_default else [],
    }


def specialisation(source: ASTSource, options: Any, target: GPUTarget) -> dict[str, Any]:
    """What an argument list has to be like for the variant that *source* is compiled to."""
    return _relative(_with_all_options(source, options), default_options(target))


def _with_all_options(source: ASTSource, options: Any) -> dict[str, Any]:
    """The same, with all options."""
    attributes = ((list(path), sorted(map(list, items))) for path, items in source.attrs.items() if items)
    return {
        "signature": [_nested(source.signature[name]) for name in source.fn.arg_names],
        "constants": [[list(path), values.encode(value)] for path, value in sorted(source.constants.items())],
        "attributes": sorted(map(list, attributes)),
        "options": option_values(options),
    }


def _relative(special: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """*special*, which has all options, with those that are not the *defaults*."""
    options = {name: value for name, value in special["options"].items() if value != defaults.get(name)}
    return {**special, "options": options}


def _nested(type_: Any) -> Any:
    return [_nested(item) for item in type_] if isinstance(type_, tuple) else type_


def option_values(options: Any) -> dict[str, Any]:
    """*options* by name, as values of a bundle, but for files."""
    return {name: values.encode(value) for name, value in sorted(vars(options).items()) if name not in _FILES}


def default_options(target: GPUTarget) -> dict[str, Any]:
    """What options are for *target* where a launch gives none, in this process now."""
    from ..compiler import Backend

    return option_values(Backend(target).parse_options({}))


def why_not_static(source: ASTSource, special: dict[str, Any], arch: str) -> str:
    """Why the variant cannot be launched without Triton; empty if it can."""
    names = source.fn.arg_names
    types = list(dispatch.leaves(special["signature"], special["signature"]))
    described = [type_ for type_ in types if type_.startswith("tensordesc")]
    # How to make them is known once the kernel is compiled: from compute capability 9.0 on, all are made.
    made: list = [{}] * len(described) if int(re.sub(r"\D", "", arch)) >= 90 else []
    if reason := descriptors.why_not_made(types, made):
        return reason
    if [path for path, _ in special["constants"]] != list(format.constant_paths(special["signature"])):
        return "it was compiled with constants for other parameters than its signature says"
    for path, value in special["constants"]:
        if not values.is_exact(value):
            return f"its constant {names[path[0]]!r} is an object that only Triton's own process has"
    return ""


# -- The variant


class Compiled(NamedTuple):
    """One compiled kernel: the components of its key, what the cache keeps of it, and its files by name."""

    components: Mapping[str, str]
    described: dict[str, Any]
    files: Mapping[str, bytes]


def bundle_of(compiled: Compiled, texts: bool = False) -> format.Bundle:
    """A bundle with this one kernel; *texts*: with the texts of all stages. Raises `BundleError` if it cannot be kept in one."""
    name, metadata = _metadata(compiled.files)
    target = metadata["target"]
    target_name = f"{target['backend']}:{target['arch']}"
    defaults = default_options(GPUTarget(target["backend"], target["arch"], target["warp_size"]))
    parts = split(compiled.components)
    producer = {
        "graft": __version__,
        "triton": metadata.get("triton_version", triton.__version__),
        "compiler": parts.compiler,
        "tools": {target_name: parts.tools},
    }
    code = {_without_folders(component): _without_folders(text) for component, text in parts.code.items()}
    stages = {stage: (hashlib.sha256(data).hexdigest(), data) for stage, data in _kept(name, compiled.files, texts)}
    special = compiled.described["specialisation"]
    variant = {
        "kernel": format.digest(compiled.described["kernel"]),
        "producer": format.digest(producer),
        "code": format.digest(code),
        "target": target_name,
        "key": key_of(parts),
        "name": name,
        "own": parts.own,
        "files": {stage: name for stage, (name, _) in stages.items()},
        "metadata": metadata,
        "specialisation": None if special is None else _relative(special, defaults),
        "static": compiled.described["static"],
    }
    content = {
        "producers": {variant["producer"]: producer},
        "code": {variant["code"]: code},
        "targets": {target_name: {"options": defaults}},
        "kernels": {variant["kernel"]: compiled.described["kernel"]},
        "variants": [variant],
        "tuners": [],
        "manifests": {},
    }
    return format.Bundle(content, dict(stages.values()))


class Parts(NamedTuple):
    """The components of a key, by what they are about."""

    compiler: dict[str, str]
    tools: dict[str, str]
    code: dict[str, str]
    own: dict[str, str]


def split(components: Mapping[str, str]) -> Parts:
    """*components* by what they are about."""
    parts = Parts({}, {}, {}, {})
    for name, text in components.items():
        head = name.partition(".")[0]
        if head == "compiler":
            parts.compiler[name] = text
        elif head in ("source", "override"):
            parts.own[name] = text
        else:
            parts.code[name] = text
            if head == "tool":
                parts.tools[name] = text
    return parts


def key_of(parts: Parts) -> str:
    """The cache key that *parts* make, as `key.look_up` makes it."""
    return inputs.part(
        {"compiler": inputs.part(parts.compiler).digest, "code": inputs.part(parts.code).digest, **parts.own}
    ).digest


def _metadata(files: Mapping[str, bytes]) -> tuple[str, dict[str, Any]]:
    """The name that the files share, and what the `.json` among them says, without paths."""
    (file_name,) = (name for name in files if name.endswith(".json"))
    metadata = json.loads(files[file_name])
    for option in _FILES:
        if metadata.get(option):
            metadata[option] = _base_names(metadata[option])
    variables = [name for name in metadata if name.isupper() and name not in inputs.ENVIRONMENT]
    for variable in variables:  # what only prints, and paths
        del metadata[variable]
    if isinstance(metadata.get("ptx_options"), str):
        metadata["ptx_options"] = _without_folders(metadata["ptx_options"])
    return file_name.removesuffix(".json"), metadata


def _base_names(value: Any) -> Any:
    if isinstance(value, list):
        return [_base_names(item) for item in value]
    return os.path.basename(value) if isinstance(value, str) else value


def _without_folders(text: str) -> str:
    """*text* with the absolute paths in it, which mean nothing elsewhere, as file names; what they hold counts by content."""
    words = text.split(" ")
    return " ".join(os.path.basename(word) if word.startswith("/") else word for word in words)


def _kept(name: str, files: Mapping[str, bytes], texts: bool) -> list[tuple[str, bytes]]:
    """The stages that a bundle keeps, with their files."""
    stages = {file_name.removeprefix(f"{name}."): data for file_name, data in files.items() if not file_name.endswith(".json")}
    if "cubin" not in stages:
        raise BundleError("reference", f"the compilation of {name} has left no cubin; it has {', '.join(stages) or 'nothing'}")
    return [(stage, data) for stage, data in stages.items() if texts or stage == "cubin"]


__all__ = ["Compiled", "bundle_of", "default_options", "described", "kernel", "key_of", "specialisation", "split"]
