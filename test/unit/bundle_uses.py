# SPDX-License-Identifier: MIT
"""All that is done with a bundle once it was read, as far as it needs no device: errors are of ours, whatever the bundle says."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Callable, Iterator
from typing import Any

from triton.backends.graft import console
from triton.backends.graft.bundle import inspection, loading
from triton.backends.graft.errors import BundleError
from triton.backends.graft.runtime import cubin, dispatch, format, native, static
from triton.backends.graft.runtime.errors import VariantError


def fault_in_use(bundle: format.Bundle) -> str:
    """What using *bundle* raises that is no error of ours; empty if nothing does."""
    for use in _uses(bundle):
        try:
            use()
        except (BundleError, VariantError):
            pass
        except Exception as error:
            return f"using it raises {type(error).__name__}: {str(error)[:200]}"
    return ""


def _uses(bundle: format.Bundle) -> Iterator[Callable[[], Any]]:
    file = inspection.File("bundle", b"", bundle)
    yield lambda: console.text(inspection.blocks(inspection.show(file), True))
    yield lambda: console.text(inspection.diff_blocks(inspection.diff(file, file)))
    yield lambda: format.merge([bundle, bundle])
    for variant in bundle.content["variants"]:
        yield lambda variant=variant: cubin.check_parameters(variant, bundle.artifacts[variant["files"]["cubin"]])
    for digest in bundle.content["kernels"]:
        yield from _static_uses(bundle, digest)
    for target in bundle.content["targets"]:
        yield from _loaded_uses(loading.Loaded(bundle, "bundle", target))


def _static_uses(bundle: format.Bundle, digest: str) -> Iterator[Callable[[], Any]]:
    made, kernel = static._make(bundle, digest), static.StaticKernel(bundle, digest)
    yield lambda: (made.name, made.targets, made.variants, repr(made))
    yield lambda: native.parameters(kernel.record)
    for target in kernel.targets:
        yield lambda target=target: _look_for_variant(kernel, target)


def _look_for_variant(kernel: static.StaticKernel, target: str) -> None:
    """As a launch with numbers does it."""
    variants = kernel._variants_for(target)
    if variants is None or variants.static:
        return
    with contextlib.suppress(TypeError):  # other arguments are asked for
        bound = dispatch.bind(kernel.record, (7,) * len(kernel.record["params"]), {})
        variants.find(dispatch.specialise(kernel.record, bound, kernel._defaults[target], lambda value: None))


def _loaded_uses(loaded: loading.Loaded) -> Iterator[Callable[[], Any]]:
    content = loaded._bundle.content
    yield lambda: (loaded.producers, len(loaded), repr(loaded), [*map(loaded.alternatives, content["manifests"])])
    for variant in loaded._variants.values():
        files = loading._Files(loaded, variant)
        yield lambda variant=variant: [*loaded.entries(variant["name"])]
        yield lambda variant=variant, files=files: loaded._make(variant, files, types.SimpleNamespace(), "entry")
