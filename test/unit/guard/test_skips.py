# SPDX-License-Identifier: MIT
"""The option skip_passes: what it means for a kernel, and that the passes then leave just that out."""

import random

import pytest
import triton
import triton.language as tl
from kernel_compiling import Compilation
from kernel_families import families, make_case
from support import make_matmul, make_vector_add, warm_up_matmul, warm_up_vector_add
from sweeps import slow
from triton.backends.graft import plugin, wings
from triton.backends.graft.guard import skips
from triton.backends.graft.guard.skips import Skip
from triton.backends.graft.guard.verdict import Judge


@triton.jit
def three_rows(a, b, c, n, BLOCK: tl.constexpr):
    cols = tl.arange(0, BLOCK)
    tl.store(a + cols, 1.0, cols < n)
    tl.store(b + cols, 2.0, cols < n)
    tl.store(c + cols, 3.0, cols < n)


def warm_up_rows(**options):
    return three_rows.warmup(*[triton.MockTensor("fp16")] * 3, 1001, BLOCK=1024, grid=(1,), **options)


def stores_of(compiled):
    """To which arguments the kernel stores, in order."""
    lines = compiled.asm["ttir"].splitlines()
    roots = {}
    stores = []
    for words in (line.replace(",", " ").split() for line in lines):
        if "tt.splat" in words and words[3] in ("%a", "%b", "%c"):
            roots[words[0]] = words[3][1]
        elif "tt.addptr" in words and words[3] in roots:
            roots[words[0]] = roots[words[3]]
        elif words and words[0] == "tt.store":
            stores.append(roots[words[1]])
    return "".join(stores)


# -- The text


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", ()),
        ("graft-peel-loops", (Skip("graft-peel-loops"),)),
        ("graft-split-masks@add:2+15", (Skip("graft-split-masks", "add", (2, 15)),)),
        ("graft-split-masks:1,graft-peel-loops@f", (Skip("graft-split-masks", "", (1,)), Skip("graft-peel-loops", "f"))),
    ],
)
def test_a_text_is_read_and_written_again(text, terms):
    assert skips.parse(text) == terms
    assert ",".join(map(str, terms)) == text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("graft-peel-loops@other", {}),
        ("graft-peel-loops", {"graft-peel-loops": ()}),
        ("graft-peel-loops:1,graft-peel-loops@add:3", {"graft-peel-loops": (1, 3)}),
        ("graft-peel-loops:1,graft-peel-loops@add", {"graft-peel-loops": ()}),
        ("graft-peel-loops,graft-peel-loops:1", {"graft-peel-loops": ()}),
        ("graft-peel-loops:1,graft-split-masks@add", {"graft-peel-loops": (1,), "graft-split-masks": ()}),
    ],
)
def test_the_terms_of_a_kernel_are_taken_together(text, found):
    assert skips.of_kernel(text, "add") == found


# -- The passes


def names_of_passes(monkeypatch):
    """A list that gets the name of each pass that runs."""
    added, text = [], plugin.text
    monkeypatch.setattr(plugin, "text", lambda name, **options: added.append(name) or text(name, **options))
    monkeypatch.setattr(Judge, "_choose", lambda self, ours, before, context: ours)
    return added


def test_the_table_names_every_pass_that_a_kernel_goes_through_in_order(hopper, monkeypatch):
    added = names_of_passes(monkeypatch)
    warm_up_matmul(make_matmul())
    assert added == list(skips.switches())
    assert set(skips.switches().values()) <= set(wings.options())


@pytest.mark.parametrize("option", sorted(set(skips.switches().values())))
def test_0_in_the_variable_of_an_option_leaves_its_passes_out(hopper, monkeypatch, option):
    added = names_of_passes(monkeypatch)
    monkeypatch.setenv(wings.options()[option].variable, "0")
    warm_up_matmul(make_matmul())
    assert added == [name for name, owner in skips.switches().items() if owner != option]


def test_a_pass_is_left_out_everywhere_in_a_kernel_or_not_in_another(hopper, monkeypatch):
    def is_versioned(text):
        return "scf.if" in warm_up_vector_add(make_vector_add(), skip_passes=text).asm["ttir"]

    assert is_versioned("")
    assert is_versioned("graft-version-tiles@another")
    assert not is_versioned("graft-version-tiles")
    assert not is_versioned("graft-version-tiles@vector_add")
    assert not is_versioned("graft-version-tiles:1")
    assert is_versioned("graft-version-tiles:2")
    monkeypatch.setenv("GRAFT_SKIP_PASSES", "graft-version-tiles@vector_add:1")
    assert "scf.if" not in warm_up_vector_add(make_vector_add()).asm["ttir"]


def test_with_every_pass_left_out_a_kernel_is_that_of_options_off(hopper):
    off = warm_up_vector_add(make_vector_add(), version_tiles=False, swizzle_programs=0)
    skipped = warm_up_vector_add(make_vector_add(), skip_passes=",".join(skips.switches()))
    assert skipped.asm["ttir"] == off.asm["ttir"]


def test_single_sites_are_left_out(hopper):
    assert stores_of(warm_up_rows()) == "aabbcc"
    assert stores_of(warm_up_rows(skip_passes="graft-split-masks@three_rows:2")) == "aabcc"
    assert stores_of(warm_up_rows(skip_passes="graft-split-masks:1+3")) == "abbc"


def test_what_a_pass_comes_to_is_written_to_a_file(hopper, monkeypatch, tmp_path):
    path = tmp_path / "sites"
    monkeypatch.setenv("GRAFT_SITES", str(path))
    warm_up_rows(skip_passes="graft-split-masks:2")
    line = three_rows.starting_line_number + 2
    assert [text.split("\t")[:2] for text in path.read_text().splitlines()][:3] == [
        [name, "three_rows"] for name in ("graft-swizzle-programs", "graft-peel-loops", "graft-version-tiles")
    ]
    assert path.read_text().splitlines()[-3:] == [
        f"graft-split-masks\tthree_rows\t{number}\t{'skipped' if number == 2 else 'taken'}\t{__file__}:{line + number}"
        for number in (1, 2, 3)
    ]


def test_a_file_that_cannot_be_written_costs_a_warning_and_no_kernel(hopper, monkeypatch, tmp_path, capfd):
    monkeypatch.setenv("GRAFT_SITES", str(tmp_path / "nowhere" / "sites"))
    monkeypatch.setenv("MLIR_ENABLE_DIAGNOSTICS", "warnings")
    assert warm_up_rows(num_warps=8).asm["cubin"].startswith(b"\x7fELF")
    assert f"warning: cannot write to GRAFT_SITES={tmp_path}/nowhere/sites: No such file or directory" in capfd.readouterr().err


# -- Numbers stay


def sites_of(path):
    """For each pass the number and the place of each site that was written to the file at *path*, which is removed."""
    found = {}
    for name, _, *rest in (line.split("\t") for line in path.read_text().splitlines()):
        found.setdefault(name, []).extend([(int(rest[0]), *rest[2:])] if rest else [])
    path.unlink()
    return found


@pytest.mark.parametrize("family", families())
@pytest.mark.parametrize("seeds", [2, slow(6)])
def test_sites_of_random_kernels_keep_their_numbers_and_without_any_the_pass_does_nothing(
    hopper, monkeypatch, tmp_path, family, seeds
):
    path = tmp_path / "sites"
    monkeypatch.setenv("GRAFT_SITES", str(path))
    monkeypatch.setattr(Judge, "_choose", lambda self, ours, before, context: ours)  # which runs passes again
    rng = random.Random(5)
    for seed in range(seeds):
        compilation = Compilation(make_case(seed, family), 90, tmp_path)

        def compiled(text, compilation=compilation):
            return compilation.compile("ttir", swizzle_programs=2, skip_passes=text)["ttir"], sites_of(path)

        _, before = compiled("")
        for name, sites in before.items():
            if not sites:
                continue
            numbers = [number for number, *_ in sites]
            assert numbers == list(range(1, len(sites) + 1))
            some = rng.sample(numbers, rng.randint(1, len(numbers)))
            assert compiled(f"{name}:{'+'.join(map(str, some))}")[1][name] == sites, (family, seed)
            without = compiled(f"{name}:{'+'.join(map(str, numbers))}")[0]
            assert without == compiled(name)[0], (family, seed)
