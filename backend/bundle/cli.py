# SPDX-License-Identifier: MIT
"""The commands `graft bundle …`: each reads its options, lets another module do the work and prints what that returns.

To add one, write the function under `@bundle.command()`, with its imports inside. Needs click.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from typing import Any

import click

from .. import interrupts

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
output_option = click.option(
    "-o", "--output", metavar="OUT", required=True, help="Where to write it; may be one of the inputs."
)
trusted_keys_option = click.option(
    "--trusted-key", "trusted_keys", multiple=True, metavar="KEY",
    help="Refuse a bundle that is not signed by this public key, 64 hexadecimal digits or a PEM file; may be given several times.",
)  # fmt: skip


def as_text(report: Any, as_json: bool, format: Callable[[Any], str]) -> str:
    """*report* as JSON or as *format* makes it."""
    return json.dumps(report, indent=2) if as_json else format(report)


def on_rich_terminal() -> bool:
    """Whether tables can be nicer than plain text."""
    return sys.stdout.isatty() and importlib.util.find_spec("rich") is not None


def write(address: str, bundle: Any, report: dict[str, Any], as_json: bool) -> None:
    """Writes *bundle* to *address* and prints what *report* says of it."""
    from . import inspection, writing

    writing.write(address, bundle)
    click.echo(as_text({"file": address, **report}, as_json, inspection.format_written))


@click.group()
def bundle() -> None:
    """Build, inspect and change bundles of compiled kernels."""


@bundle.command("build")
@click.argument("warmups", metavar="[WARMUP]...", nargs=-1)
@click.option("--target", "targets", multiple=True, metavar="TARGET", help="Compile for it, such as cuda:90; may be repeated.")
@click.option("--trace", "traces", multiple=True, metavar="FILE", help="Compile what GRAFT_TRACE has noted; may be repeated.")
@click.option("--from-cache", "cache", metavar="DIR", help="Compile nothing, take the kernels that are in this cache folder.")
@click.option("-o", "--output", metavar="OUT", default="kernels.graft", show_default=True, help="Where to write it.")
@click.option("--jobs", type=click.IntRange(min=1), help="The most processes at once.  [default: CPUs + 1]")
@click.option("--texts", is_flag=True, help="Keep the texts of all stages too, not the cubins alone.")
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
    """Compile kernels for one or more targets into a bundle; needs no device.

    WARMUP is a function, module:function or file.py:function, that is called without arguments, once for each target.
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


@bundle.command("keygen")
@click.argument("private", metavar="PRIVATE.pem")
def bundle_keygen(private: str) -> None:
    """Make a key pair to sign bundles with: PRIVATE.pem, for you alone, and PRIVATE.pub, for those who trust you.

    Prints the public key in hexadecimal digits, which can be given wherever the file can.
    """
    from ..runtime import signing

    click.echo(signing.make_keys(private))


@bundle.command("sign")
@click.argument("address", metavar="FILE")
@click.option("--key", metavar="PRIVATE.pem", required=True, help="The private key, as keygen makes it.")
@click.option("-o", "--output", metavar="FILE", help="Write the signed bundle there instead of in its place.")
def bundle_sign(address: str, key: str, output: str | None) -> None:
    """Sign the bundle FILE, a path or a URL; a signature that it has is replaced. Prints the public key."""
    from ..runtime import signing
    from . import writing

    click.echo(writing.sign(address, signing.load_private_key(key), output))


@bundle.command("show")
@click.argument("address", metavar="FILE")
@json_option
def bundle_show(address: str, as_json: bool) -> None:
    """Show what is in the bundle FILE: kernels, their variants by target, what they use of a device, and who made them."""
    from . import inspection

    report = inspection.show(inspection.read(address))
    if as_json or not on_rich_terminal():
        click.echo(as_text(report, as_json, inspection.format_show))
        return
    from rich.console import Console

    click.echo("\n".join(inspection.format_facts(report)))
    Console().print(inspection.format_rich(report))
    click.echo("\n".join(inspection.format_notes(report)))


@bundle.command("diff")
@click.argument("a")
@click.argument("b")
@json_option
def bundle_diff(a: str, b: str, as_json: bool) -> None:
    """Show in what the bundles A and B differ: variants, and of those in both the components of their keys."""
    from . import inspection

    click.echo(as_text(inspection.diff(inspection.read(a), inspection.read(b)), as_json, inspection.format_diff))


@bundle.command("verify")
@click.argument("address", metavar="FILE")
@trusted_keys_option
@json_option
@click.pass_context
def bundle_verify(context: click.Context, address: str, trusted_keys: tuple[str, ...], as_json: bool) -> None:
    """Check that the bundle FILE keeps all rules of the format; exit status 1 and the first rule that is broken if not."""
    from ..runtime.errors import BundleError
    from . import inspection

    try:
        click.echo(as_text(inspection.verify(address, trusted_keys), as_json, inspection.format_verify))
    except BundleError as error:
        if not as_json:
            raise
        click.echo(json.dumps(inspection.broken(address, error), indent=2))
        context.exit(1)


@bundle.command("merge")
@click.argument("addresses", metavar="FILE...", nargs=-1, required=True)
@output_option
@json_option
def bundle_merge(addresses: tuple[str, ...], output: str, as_json: bool) -> None:
    """Write one bundle with all that the bundles FILE have. It is not signed."""
    from . import inspection

    merged, report = inspection.merge([inspection.read(address) for address in addresses])
    write(output, merged, report, as_json)


@bundle.command("prune")
@click.argument("address", metavar="FILE")
@click.option("--target", "targets", multiple=True, metavar="TARGET", help="Keep what is for this target, such as cuda:90.")
@click.option("--kernel", "kernels", multiple=True, metavar="NAME", help="Keep this kernel, with or without its module.")
@output_option
@json_option
def bundle_prune(address: str, targets: tuple[str, ...], kernels: tuple[str, ...], output: str, as_json: bool) -> None:
    """Write a bundle with a part of the bundle FILE. Options may be given several times. It is not signed."""
    from . import inspection

    if not targets and not kernels:
        raise click.UsageError("give a --target or a --kernel to keep, or several of them")
    pruned, report = inspection.prune(inspection.read(address), targets, kernels)
    write(output, pruned, report, as_json)


@bundle.command("unpack")
@click.argument("address", metavar="FILE")
@click.argument("cache_dir", metavar="[CACHE-DIR]", required=False)
@trusted_keys_option
@json_option
def bundle_unpack(address: str, cache_dir: str | None, trusted_keys: tuple[str, ...], as_json: bool) -> None:
    """Write the kernels of the bundle FILE into a cache: the folder CACHE-DIR, or else TRITON_CACHE_DIR."""
    from . import inspection, unpack

    report = inspection.unpacked(unpack(address, cache_dir, trusted_keys=trusted_keys or None))
    click.echo(as_text(report, as_json, inspection.format_unpacked))
