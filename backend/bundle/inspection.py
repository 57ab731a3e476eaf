# SPDX-License-Identifier: MIT
"""What there is to say about bundles, as JSON and as text, and bundles made of others: the work of `graft bundle show`, `verify`,
`diff`, `merge` and `prune`.

A bundle may come from anywhere: what is printed of it has no control characters.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple, NoReturn

from ..cache.explain import differences
from ..cache.inputs import part
from ..console import Block, Facts, Line, Table, count, printable
from ..runtime import cubin, dispatch, format, reading, signing, values
from ..runtime.errors import BundleError
from ..runtime.format import Bundle, Content
from .loading import Unpacked

#: Columns of figures.
FIGURES = ("variants", "registers", "spills", "shared B", "cubin B", "cubins B")

_MOST = "registers, spills, shared B: the most of a variant; --variants lists them all"

#: What metadata say that is said elsewhere, besides options and variables of the environment: the key, and the compiler.
_REPEATED = ("hash", "compiler_identity")


class File(NamedTuple):
    """A bundle that was read, and its bytes."""

    address: str
    data: bytes
    bundle: Bundle


def read(address: str, trusted_keys: Collection[str] = ()) -> File:
    """The bundle at *address*; with *trusted_keys*, its signature is verified first. Raises `BundleError`."""
    data = reading.read_bytes(address)
    return File(address, data, reading.parse(address, data, trusted_keys or None))


# -- Show


def show(file: File) -> dict[str, Any]:
    """What is in a bundle. Sizes are in bytes; for registers, spills and static shared memory see `cubin.Usage`.

    Who has signed it is what the file says; nothing is verified.
    """
    content = file.bundle.content
    return {
        "file": file.address,
        "bytes": len(file.data),
        "digest": file.bundle.digest,
        "signer": signing.signer(file.data),
        "targets": sorted(content["targets"]),
        "producers": [_producer(content, name) for name in sorted(content["producers"])],
        "kernels": sorted((_kernel(file.bundle, name) for name in content["kernels"]), key=_by_name),
        "tuners": [_tuner(tuner) for tuner in content["tuners"]],
    }


def _producer(content: Content, name: str) -> dict[str, Any]:
    producer = content["producers"][name]
    return {
        "digest": name,
        "graft": producer["graft"],
        "triton": producer["triton"],
        "compiler": part(producer["compiler"]).digest,
        "components": producer["compiler"],
        "tools": producer["tools"],
        "variants": sum(variant["producer"] == name for variant in content["variants"]),
    }


def _kernel(bundle: Bundle, name: str) -> dict[str, Any]:
    content = bundle.content
    variants = [variant for variant in content["variants"] if variant["kernel"] == name]
    return {
        "kernel": _full_name(content["kernels"][name]),
        "digest": name,
        "variants": sorted((_variant(bundle, variant) for variant in variants), key=_by_arguments),
    }


def _by_name(kernel: dict[str, Any]) -> tuple[str, str]:
    return kernel["kernel"], kernel["digest"]


def _by_arguments(variant: dict[str, Any]) -> tuple[str, ...]:
    return variant["target"], variant["arguments"], _shown_options(variant["options"]), variant["key"]


def _full_name(function: dict[str, Any]) -> str:
    """The name of a kernel or autotuner; one that was compiled from IR has no module."""
    return f"{function['module']}:{function['name']}" if function["module"] else function["name"]


def _variant(bundle: Bundle, variant: dict[str, Any]) -> dict[str, Any]:
    binary = bundle.artifacts[variant["files"]["cubin"]]
    usage = cubin.usage(binary, variant["metadata"]["name"])
    special = variant["specialisation"]
    return {
        **_place(bundle.content, variant),
        "options": special["options"] if special else {},
        "key": variant["key"],
        "producer": variant["producer"],
        "stages": sorted(variant["files"]),
        "cubin_bytes": len(binary),
        "registers": usage.registers,
        "spills": usage.spills,
        "shared_bytes": variant["metadata"]["shared"],
        "static_shared_bytes": usage.static_shared,
        "static": not variant["static"],
        "why_not_static": variant["static"],
    }


def _place(content: Content, variant: dict[str, Any]) -> dict[str, str]:
    """What tells *variant* from others, but for its options."""
    return {"target": variant["target"], "arguments": _arguments(content["kernels"][variant["kernel"]], variant)}


def _arguments(function: dict[str, Any], variant: dict[str, Any]) -> str:
    if variant["specialisation"] is None:
        return "unknown"
    return dispatch.describe(function, dispatch.recorded(variant)._replace(options={}))


def _tuner(tuner: dict[str, Any]) -> dict[str, Any]:
    return {"kernel": _full_name(tuner), "target": tuner["target"], "keys": tuner["keys"], "winners": len(tuner["winners"])}


def blocks(report: dict[str, Any], each_variant: bool) -> list[Block]:
    """What `show` returns, to be printed: with a row for each variant, or for each kernel and target."""
    if not report["kernels"]:
        return [_facts(report), *_notes(report)]
    table = [variants_table(report)] if each_variant else [kernels_table(report), Line(), Line(_MOST)]
    return [_facts(report), Line(), *table, *_notes(report)]


def _facts(report: dict[str, Any]) -> Facts:
    """What there is to say of the whole bundle."""
    facts = {
        "size": f"{report['bytes']} bytes",
        "digest": report["digest"],
        "signature": f"by {report['signer']}, not verified" if report["signer"] else "none",
        "targets": ", ".join(report["targets"]) or "none",
    }
    return Facts(report["file"], facts | {f"producer {one['digest'][:8]}": _made_by(one) for one in report["producers"]})


def _made_by(producer: dict[str, Any]) -> str:
    release = producer["components"].get("compiler.triton")
    compiler = f"compiler {producer['compiler']}" + (f" ({release})" if release else "")
    tools = (
        f"{name.removeprefix('tool.')} {text} for {target}"
        for target, components in sorted(producer["tools"].items())
        for name, text in sorted(components.items())
    )
    made = ", ".join([f"graft {producer['graft']}", f"Triton {producer['triton']}", compiler, *tools])
    return f"{count(producer['variants'], 'variant')} by {made}"


def variants_table(report: dict[str, Any]) -> Table:
    """A row for each variant, without columns that are empty."""
    columns: dict[str, list[str]] = {}
    mixed = len(report["producers"]) > len(report["targets"])  # so one target has several
    for kernel in report["kernels"]:
        for variant in kernel["variants"]:
            cells = {
                "kernel": kernel["kernel"],
                "target": variant["target"],
                "arguments": variant["arguments"],
                "options": _shown_options(variant["options"]),
                "registers": _shown_number(variant["registers"]),
                "spills": _shown_number(variant["spills"]),
                "shared B": str(variant["shared_bytes"]),
                "cubin B": str(variant["cubin_bytes"]),
                "static": "yes" if variant["static"] else "no",
                "producer": variant["producer"][:8] if mixed else "",
            }
            for heading, text in cells.items():
                columns.setdefault(heading, []).append(text)
    filled = {heading: column for heading, column in columns.items() if any(column)}
    return Table(filled, FIGURES, heads=2, styles={"no": "notice"})


def kernels_table(report: dict[str, Any]) -> Table:
    """A row for each kernel and target: the number of variants, the most that one uses, and the bytes of all cubins."""
    rows = []
    for kernel in report["kernels"]:
        for target, group in itertools.groupby(kernel["variants"], key=lambda variant: variant["target"]):
            variants = list(group)
            most = (_most(variants, name) for name in ("registers", "spills", "shared_bytes"))
            size = sum(variant["cubin_bytes"] for variant in variants)
            rows.append((kernel["kernel"], target, str(len(variants)), *most, str(size)))
    headings = ("kernel", "target", "variants", "registers", "spills", "shared B", "cubins B")
    return Table(dict(zip(headings, map(list, zip(*rows, strict=True)), strict=True)), FIGURES, grouped=True)


def _most(variants: Sequence[dict[str, Any]], name: str) -> str:
    return _shown_number(max((variant[name] for variant in variants if variant[name] is not None), default=None))


def _notes(report: dict[str, Any]) -> list[Block]:
    """The lines below the table: autotuners, and why variants cannot be launched without Triton."""
    lines = [
        f"autotuned: {tuner['kernel']} for {tuner['target']}, {count(tuner['winners'], 'choice')}" for tuner in report["tuners"]
    ]
    reasons = Counter(
        (kernel["kernel"], variant["why_not_static"])
        for kernel in report["kernels"]
        for variant in kernel["variants"]
        if not variant["static"]
    )
    lines += [
        f"not static (needs Triton to launch): {name}, {count(number, 'variant')}: {reason}"
        for (name, reason), number in reasons.items()
    ]
    return [Line(), *map(Line, lines)] if lines else []


def _shown_options(options: dict[str, Any]) -> str:
    return ", ".join(f"{name}={values.show(value)}" for name, value in sorted(options.items()))


def _shown_number(number: int | None) -> str:
    return "?" if number is None else str(number)


# -- Verify


def verify(address: str, trusted_keys: Collection[str] = ()) -> dict[str, Any]:
    """What was checked of the bundle at *address*, which keeps all rules. Raises `BundleError` for the first that is broken.

    Without *trusted_keys* the signature is not verified.
    """
    file = read(address, trusted_keys)
    signer = signing.signer(file.data)
    return {
        "file": address,
        "ok": True,
        "digest": file.bundle.digest,
        "kernels": len(file.bundle.content["kernels"]),
        "variants": len(file.bundle.content["variants"]),
        "artifacts": len(file.bundle.artifacts),
        "signer": signer,
        "signature": "verified" if trusted_keys else "not verified" if signer else "none",
    }


def broken(address: str, error: BundleError) -> dict[str, Any]:
    """What `verify` returns for a bundle, said of one that breaks a rule."""
    return {"file": address, "ok": False, "rule": error.rule, "message": str(error)}


def format_verify(report: dict[str, Any]) -> str:
    """What `verify` returns, as text."""
    signature = {
        "verified": f"signed by {report['signer']}, which is trusted",
        "not verified": f"its signature by {report['signer']} was not verified, as no --trusted-key was given",
        "none": "it is not signed",
    }[report["signature"]]
    counts = [count(report[f"{what}s"], what) for what in ("kernel", "variant", "artifact")]
    return printable(f"ok: {report['file']} keeps all rules ({', '.join(counts)}; digest {report['digest']}); {signature}")


# -- Diff


def diff(one: File, other: File) -> dict[str, Any]:
    """In what two bundles differ.

    Variants are the same one if kernel, target and specialisation are. Of those that are in both and differ, `differences` has the
    components of their keys and whatever else is not equal: a name, and the value in each. Of autotuners and of the targets'
    options, `others` has the same; of read-sets, only how many differ is told.
    """
    groups, other_groups = _groups(one.bundle.content), _groups(other.bundle.content)
    only: tuple[list, list] = [], []
    pairs: list[tuple[dict, dict]] = []
    for place in sorted(groups.keys() | other_groups.keys()):
        pairs += _pair(groups.get(place, []), other_groups.get(place, []), only)
    contents = one.bundle.content, other.bundle.content
    changed = [changed for pair in pairs if (changed := _changed(contents, pair))]
    return {
        "a": {"file": one.address, "digest": one.bundle.digest},
        "b": {"file": other.address, "digest": other.bundle.digest},
        "equal": one.bundle.digest == other.bundle.digest,
        "only_a": [_named(contents[0], variant) for variant in only[0]],
        "only_b": [_named(contents[1], variant) for variant in only[1]],
        "changed": changed,
        "same": len(pairs) - len(changed),
        "others": _differences(*map(_surroundings, contents)),
        "read_sets": len(differences(*(_digests(content["manifests"]) for content in contents))),
    }


def _groups(content: Content) -> dict[tuple, list[dict]]:
    """The variants, by what has to be equal so that they can be taken for the same one."""
    groups: dict[tuple, list[dict]] = {}
    for variant in content["variants"]:
        name = _full_name(content["kernels"][variant["kernel"]])
        place = name, variant["target"], format.canonical(variant["specialisation"])
        groups.setdefault(place, []).append(variant)
    return groups


def _pair(group: list[dict], others: list[dict], only: tuple[list, list]) -> list[tuple[dict, dict]]:
    """Pairs of variants, equal ones first, then those with the same key or cubin, then the rest in order; what is over goes to *only*."""
    pairs = []
    for is_pair in (dict.__eq__, _has_same_key, _has_same_cubin, lambda one, other: True):
        for variant in group[:]:
            partner = next((other for other in others if is_pair(variant, other)), None)
            if partner is not None:
                pairs.append((variant, partner))
                group.remove(variant)
                others.remove(partner)
    only[0].extend(group)
    only[1].extend(others)
    return pairs


def _has_same_key(variant: dict[str, Any], other: dict[str, Any]) -> bool:
    return variant["key"] == other["key"]


def _has_same_cubin(variant: dict[str, Any], other: dict[str, Any]) -> bool:
    return variant["files"]["cubin"] == other["files"]["cubin"]


def _named(content: Content, variant: dict[str, Any]) -> dict[str, Any]:
    special = variant["specialisation"]
    return {
        "kernel": _full_name(content["kernels"][variant["kernel"]]),
        **_place(content, variant),
        "options": special["options"] if special else {},
        "key": variant["key"],
    }


def _changed(contents: Sequence[Content], pair: tuple[dict, dict]) -> dict[str, Any] | None:
    """What is said of two variants that differ; None for equal ones."""
    found = _differences(*map(_components, contents, pair))
    if not found:
        return None
    named = _named(contents[0], pair[0])
    del named["key"]
    return {**named, "same_cubin": _has_same_cubin(*pair), "differences": found}


def _components(content: Content, variant: dict[str, Any]) -> dict[str, str]:
    """Everything that is said of *variant*, by name: first of all the components of its key."""
    producer, function = content["producers"][variant["producer"]], content["kernels"][variant["kernel"]]
    options = content["targets"][variant["target"]]["options"]
    metadata = {
        name: value
        for name, value in variant["metadata"].items()
        if name not in options and name not in _REPEATED and not name.isupper()
    }
    return {
        **producer["compiler"],
        **content["code"][variant["code"]],
        **variant["own"],
        "graft": producer["graft"],
        "triton": producer["triton"],
        **{f"kernel.{name}": format.canonical(function[name]) for name in ("debug", "params")},
        **{f"artifact.{stage}": name for stage, name in variant["files"].items()},
        **{f"metadata.{name}": format.canonical(value) for name, value in metadata.items()},
        "static": variant["static"] or "yes",
    }


def _surroundings(content: Content) -> dict[str, str]:
    """What is in a bundle besides kernels and read-sets, by name."""
    options = {
        f"{target}.option.{name}": format.canonical(value)
        for target, facts in content["targets"].items()
        for name, value in facts["options"].items()
    }
    winners = {
        f"{tuner['target']}.autotuned.{_full_name(tuner)}.{format.canonical(key)}": format.canonical(keywords)
        for tuner in content["tuners"]
        for key, keywords in tuner["winners"]
    }
    return options | winners


def _differences(one: dict[str, str], other: dict[str, str]) -> list[list[str]]:
    return [[name, *("nothing" if text is None else text for text in texts)] for name, *texts in differences(one, other)]


def _digests(table: Content) -> dict[str, str]:
    return {name: format.digest(value) for name, value in table.items()}


def diff_blocks(report: dict[str, Any]) -> list[Block]:
    """What `diff` returns, to be printed."""
    sides = {side: f"{report[side]['file']}, digest {report[side]['digest']}" for side in "ab"}
    if report["equal"]:
        return [Facts("the same content", sides, "good")]
    numbers = {f"only in {side}": count(len(report[f"only_{side}"]), "variant") for side in "ab"}
    numbers |= {"the same in both": count(report["same"], "variant"), "changed": count(len(report["changed"]), "variant")}
    if report["read_sets"]:
        numbers["read-sets that differ"] = str(report["read_sets"])
    made: list[Block] = [Facts("the bundles differ", sides | numbers, "notice")]
    for side in "ab":
        variants = report[f"only_{side}"]
        made += (
            [Line(), Line(f"only in {side}:", "heading"), *(Line(f"  {_line(one)}") for one in variants)] if variants else []
        )
    for variant in report["changed"]:
        cubin = "the same cubin" if variant["same_cubin"] else "another cubin"
        made += [Line(), Line(f"{_line(variant)}: {cubin}", "heading"), _sides(variant["differences"])]
    if report["others"]:
        made += [Line(), Line("options of targets and autotuners' choices:", "heading"), _sides(report["others"])]
    return made


def _line(variant: dict[str, Any]) -> str:
    options = f" [{_shown_options(variant['options'])}]" if variant["options"] else ""
    return f"{variant['kernel']}({variant['arguments']}){options} for {variant['target']}"


def _sides(found: Sequence[Sequence[str]]) -> Table:
    """What is *found* to differ, by name with the value in each bundle."""
    return Table(dict(zip(("what", "in a", "in b"), map(list, zip(*found, strict=True)), strict=True)))


# -- Merge and prune


def merge(files: Sequence[File]) -> tuple[Bundle, dict[str, Any]]:
    """One bundle with all that *files* have, and what to say of it.

    Where two have a variant of the same key, or a choice of an autotuner for the same launch, the later counts. Raises `BundleError`
    where they were made with other defaults of options: what a launch asks for then means another kernel in each.
    """
    for target in sorted({target for file in files for target in file.bundle.content["targets"]}):
        _check_defaults(target, [file for file in files if target in file.bundle.content["targets"]])
    bundle = format.merge(file.bundle for file in files)
    taken = {format.variant_order(variant): variant for variant in bundle.content["variants"]}
    replaced = [
        _named(file.bundle.content, variant)
        for file in files
        for variant in file.bundle.content["variants"]
        if taken[format.variant_order(variant)] != variant
    ]
    return bundle, {**counts(bundle), "replaced": replaced}


def _check_defaults(target: str, files: Sequence[File]) -> None:
    first, *others = ((file.address, file.bundle.content["targets"][target]["options"]) for file in files)
    for address, options in others:
        if options != first[1]:
            found = _differences(*({name: values.show(value) for name, value in side.items()} for side in (first[1], options)))
            listed = ", ".join(f"{name}: {was} and {is_now}" for name, was, is_now in found)
            _refuse(
                "target",
                f"{first[0]} and {address} were made with other defaults of options for {target} ({listed}), so a launch means "
                "another kernel in each; make them anew with the same settings, or prune one of the target",
            )


def prune(file: File, targets: Collection[str] = (), kernels: Collection[str] = ()) -> tuple[Bundle, dict[str, Any]]:
    """What a bundle has for *targets* and of *kernels* (all, if none are named), and what to say of it.

    A kernel is named as "module:qualified name", by its qualified name or by its name. Raises `BundleError` if one of *targets* or *kernels* is not
    there, or nothing is left.
    """
    content = file.bundle.content
    there = sorted(content["targets"]), sorted({_full_name(kernel) for kernel in content["kernels"].values()})
    for target in targets:
        if target not in there[0]:
            _refuse("target", f"{file.address}: it has nothing for {target!r}; it has {', '.join(there[0])}")
    for name in kernels:
        if not any(_is_named(full, [name]) for full in there[1]):
            _refuse("kernel", f"{file.address}: it has no kernel {name!r}; it has {', '.join(there[1])}")

    def wanted(variant: dict[str, Any]) -> bool:
        name = _full_name(content["kernels"][variant["kernel"]])
        return (not targets or variant["target"] in targets) and _is_named(name, kernels)

    bundle = format.restrict(file.bundle, wanted)
    if not bundle.content["variants"]:
        _refuse("kernel", f"{file.address}: it has no such kernel for such a target; it has {_inventory(content)}")
    removed = len(content["variants"]) - len(bundle.content["variants"])
    return bundle, {**counts(bundle), "removed": removed}


def _refuse(rule: str, message: str) -> NoReturn:
    raise BundleError(rule, printable(message))


def _is_named(full: str, names: Collection[str]) -> bool:
    """Whether one of *names* is that of the kernel *full*: all of it, its qualified name or its last part. No names are all."""
    return not names or not {full, full.rpartition(":")[2], full.rpartition(":")[2].rpartition(".")[2]}.isdisjoint(names)


def _inventory(content: Content) -> str:
    found = {(_full_name(content["kernels"][variant["kernel"]]), variant["target"]) for variant in content["variants"]}
    return ", ".join(f"{name} for {target}" for name, target in sorted(found)) or "no variants"


def counts(bundle: Bundle) -> dict[str, Any]:
    """What *bundle* has, in numbers."""
    content = bundle.content
    return {
        "digest": bundle.digest,
        "targets": sorted(content["targets"]),
        "kernels": len(content["kernels"]),
        "variants": len(content["variants"]),
    }


def format_written(report: dict[str, Any]) -> str:
    """What `merge` and `prune` say of the bundle that was written, as text; with the `file` that it was written to."""
    targets = ", ".join(report["targets"]) or "no target"
    counts = f"{count(report['kernels'], 'kernel')}, {count(report['variants'], 'variant')} for {targets}"
    lines = [f"{report['file']}: {counts}, digest {report['digest']}"]
    if "removed" in report:
        lines.append(f"{count(report['removed'], 'variant')} left out")
    lines += [f"a later bundle's is taken: {_line(variant)}" for variant in report.get("replaced", ())]
    return "\n".join(map(printable, lines))


# -- Unpack


def unpacked(found: Iterable[Unpacked]) -> list[dict[str, str]]:
    """What `unpack` has done, as JSON."""
    return [one._asdict() for one in found]


def unpacked_blocks(report: list[dict[str, str]]) -> list[Block]:
    """What `unpacked` returns, to be printed."""
    return [Table({name: [one[name] for one in report] for name in Unpacked._fields})]
