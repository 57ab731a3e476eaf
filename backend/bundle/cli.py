# SPDX-License-Identifier: MIT
"""The commands `graft bundle …`: each reads its options, lets another module do the work and prints what that returns.

To add one, write the function under `@bundle.command()`, with its imports inside. Needs click.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click

from .. import interrupts
from ..usage import Group, Target, json_option

_WRITTEN = "the bundle was written"
_NOT_WRITTEN = "it was not, and no file was changed; a line on standard error says why"

output_option = click.option(
    "-o", "--output", metavar="OUT", required=True, help="Where to write it; may be one of the inputs."
)
trusted_keys_option = click.option(
    "--trusted-key", "trusted_keys", multiple=True, metavar="KEY",
    help="Refuse a bundle that is not signed by this public key, 64 hexadecimal digits or a PEM file; may be repeated.",
)  # fmt: skip


def as_text(report: Any, as_json: bool, format: Callable[[Any], str]) -> str:
    """*report* as JSON or as *format* makes it."""
    return json.dumps(report, indent=2) if as_json else format(report)


def print_report(report: Any, as_json: bool, blocks: Callable[[Any], list[Any]]) -> None:
    """Prints *report* as JSON or as *blocks* makes it."""
    if as_json:
        click.echo(json.dumps(report, indent=2))
        return
    from .. import console

    console.show(blocks(report))


def write(address: str, bundle: Any, report: dict[str, Any], as_json: bool) -> None:
    """Writes *bundle* to *address* and prints what *report* says of it."""
    from . import inspection, writing

    writing.write(address, bundle)
    click.echo(as_text({"file": address, **report}, as_json, inspection.format_written))


@click.group(cls=Group)
def bundle() -> None:
    """Build, inspect and change bundles of compiled kernels."""


@bundle.command("build", example="graft bundle build warmup.py:warmup --target cuda:90", done=_WRITTEN, failed=_NOT_WRITTEN)
@click.argument("warmups", metavar="[WARMUP]...", nargs=-1)
@click.option(
    "--target",
    "targets",
    type=Target(),
    multiple=True,
    metavar="TARGET",
    help="Compile for this target, such as cuda:90; may be repeated.",
)
@click.option(
    "--trace", "traces", multiple=True, metavar="FILE", help="Compile what a run with GRAFT_TRACE=FILE noted; may be repeated."
)
@click.option("--from-cache", "cache", metavar="DIR", help="Compile nothing; take the kernels in this cache folder.")
@click.option("-o", "--output", metavar="OUT", default="kernels.graft", show_default=True, help="Where to write it.")
@click.option("--jobs", type=click.IntRange(min=1), help="Run so many processes at once.  [default: CPUs + 1]")
@click.option("--texts", is_flag=True, help="Keep the texts of all stages too, not only the cubins.")
@json_option
def bundle_build(  # noqa: PLR0913, PLR0917 - click passes them by name
    warmups: tuple[str, ...],
    targets: tuple[str, ...],
    traces: tuple[str, ...],
    cache: str | None,
    output: str,
    jobs: int | None,
    texts: bool,
    as_json: bool,
) -> None:
    """Compile kernels for targets into a bundle.

    WARMUP is a function, module:function or file.py:function, that is called without arguments, once for each target. No device is
    needed.
    """
    with interrupts.held():
        from . import building, inspection, progress

    if cache is not None and (warmups or traces):
        raise click.UsageError("--from-cache compiles nothing: leave out the warmups and traces, or --from-cache")
    if cache is None and not warmups and not traces:
        raise click.UsageError("there is nothing to compile: name a WARMUP, a --trace, or a --from-cache")
    if cache is not None:
        built = building.from_cache(cache, targets, output, texts)
    else:
        with progress.shown() as display:
            given = targets or building.targets_for_process()
            built = building.build(warmups, given, output, traces=traces, texts=texts, jobs=jobs, progress=display)
    click.echo(as_text({"file": output, **inspection.counts(built)}, as_json, inspection.format_written))


@bundle.command("keygen", example="graft bundle keygen release.pem", done="both files were written")
@click.argument("private", metavar="PRIVATE.pem")
def bundle_keygen(private: str) -> None:
    """Make a pair of keys to sign bundles with.

    Keep PRIVATE.pem to yourself, and give PRIVATE.pub to those who trust you. The public key is printed in hexadecimal digits,
    which can be given wherever the file can.
    """
    from ..runtime import signing

    click.echo(signing.make_keys(private))


@bundle.command("sign", example="graft bundle sign kernels.graft --key release.pem", done=_WRITTEN, failed=_NOT_WRITTEN)
@click.argument("address", metavar="FILE")
@click.option("--key", metavar="PRIVATE.pem", required=True, help="The private key, as keygen makes it.")
@click.option("-o", "--output", metavar="FILE", help="Write the signed bundle there, and leave FILE as it is.")
def bundle_sign(address: str, key: str, output: str | None) -> None:
    """Sign a bundle.

    FILE is a path or a URL. Another signature is replaced. The public key is printed.
    """
    from ..runtime import signing
    from . import writing

    click.echo(writing.sign(address, signing.load_private_key(key), output))


@bundle.command("show", example="graft bundle show kernels.graft", done="FILE is a bundle")
@click.argument("address", metavar="FILE")
@click.option("--variants", is_flag=True, help="Show each variant, not the kernels by target.")
@json_option
def bundle_show(address: str, variants: bool, as_json: bool) -> None:
    """Show what a bundle has.

    FILE is a path or a URL. First come facts about the whole bundle, then a table of the kernels by target. The table has each
    variant with --variants, and wherever the output is not a terminal. Registers and spills are per thread; B is bytes.
    """
    from .. import console
    from . import inspection

    report = inspection.show(inspection.read(address))
    print_report(report, as_json, lambda report: inspection.blocks(report, variants or not console.is_terminal()))


@bundle.command("diff", example="graft bundle diff old.graft new.graft", done="both are bundles, whether they differ or not")
@click.argument("a")
@click.argument("b")
@json_option
def bundle_diff(a: str, b: str, as_json: bool) -> None:
    """Show how two bundles differ.

    A and B are paths or URLs. Variants that only one has are listed. So are variants in both that differ, with the parts of
    the key that do.
    """
    from . import inspection

    print_report(inspection.diff(inspection.read(a), inspection.read(b)), as_json, inspection.diff_blocks)


@bundle.command(
    "verify",
    example="graft bundle verify kernels.graft --trusted-key release.pub",
    done="FILE keeps all rules, and is signed as asked",
    failed="it does not; a line on standard error names the first rule that is broken",
)
@click.argument("address", metavar="FILE")
@trusted_keys_option
@json_option
@click.pass_context
def bundle_verify(context: click.Context, address: str, trusted_keys: tuple[str, ...], as_json: bool) -> None:
    """Check a bundle by all rules of the format.

    FILE is a path or a URL.
    """
    from ..runtime.errors import BundleError
    from . import inspection

    try:
        click.echo(as_text(inspection.verify(address, trusted_keys), as_json, inspection.format_verify))
    except BundleError as error:
        if not as_json:
            raise
        click.echo(json.dumps(inspection.broken(address, error), indent=2))
        context.exit(1)


@bundle.command("merge", example="graft bundle merge a100.graft h100.graft -o both.graft", done=_WRITTEN, failed=_NOT_WRITTEN)
@click.argument("addresses", metavar="FILES...", nargs=-1, required=True)
@output_option
@json_option
def bundle_merge(addresses: tuple[str, ...], output: str, as_json: bool) -> None:
    """Write one bundle with everything that several have.

    FILES are paths or URLs. The new bundle is not signed.
    """
    from . import inspection

    merged, report = inspection.merge([inspection.read(address) for address in addresses])
    write(output, merged, report, as_json)


@bundle.command(
    "prune", example="graft bundle prune all.graft --target cuda:90 -o h100.graft", done=_WRITTEN, failed=_NOT_WRITTEN
)
@click.argument("address", metavar="FILE")
@click.option(
    "--target", "targets", type=Target(), multiple=True, metavar="TARGET", help="Keep what is for this target, such as cuda:90."
)
@click.option("--kernel", "kernels", multiple=True, metavar="NAME", help="Keep this kernel, with or without its module.")
@output_option
@json_option
def bundle_prune(address: str, targets: tuple[str, ...], kernels: tuple[str, ...], output: str, as_json: bool) -> None:
    """Write a bundle with a part of another.

    FILE is a path or a URL. Options may be repeated. The new bundle is not signed.
    """
    from . import inspection

    if not targets and not kernels:
        raise click.UsageError("give a --target or a --kernel to keep, or several of them")
    pruned, report = inspection.prune(inspection.read(address), targets, kernels)
    write(output, pruned, report, as_json)


@bundle.command("unpack", example="graft bundle unpack kernels.graft ./cache", done="the cache has all kernels of FILE")
@click.argument("address", metavar="FILE")
@click.argument("cache_dir", metavar="[CACHE-DIR]", required=False)
@trusted_keys_option
@json_option
def bundle_unpack(address: str, cache_dir: str | None, trusted_keys: tuple[str, ...], as_json: bool) -> None:
    """Write the kernels of a bundle into a cache folder.

    FILE is a path or a URL. The folder is CACHE-DIR, or else that of TRITON_CACHE_DIR.
    """
    from . import inspection, unpack

    report = inspection.unpacked(unpack(address, cache_dir, trusted_keys=trusted_keys or None))
    print_report(report, as_json, inspection.unpacked_blocks)
