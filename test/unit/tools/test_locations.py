# SPDX-License-Identifier: MIT
"""Where lines of IR come from: what the locations of MLIR, LLVM IR and PTX say, and that the stages agree."""

import pytest
from pages import compiled, number_of, write_kernels
from triton.backends.graft.tools import locations
from triton.backends.graft.tools.locations import Line
from triton.backends.graft.tools.remarks import Place

A5, A9, B2 = Place("/x/a.py", 5), Place("/x/a.py", 9), Place("/y/b.py", 2)


def places(location, aliases=""):
    """The places of *location*, in a module of one operation."""
    (line,) = locations.read("ttir", f"tt.return loc({location})\n{aliases}")
    assert line.text == "tt.return"
    return line.places


# -- MLIR


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ('"/x/a.py":5:3', (A5,)),
        ('"/x/a.py":5:3 to :9', (A5,)),
        ("unknown", ()),
        ('"name"', ()),
        ('"name"("/x/a.py":5:3)', (A5,)),
        ('"a ) b"("/x/a.py":5:3)', (A5,)),
        ('callsite("/x/a.py":5:3 at "/y/b.py":2:1)', (A5, B2)),
        ('callsite("n"("/x/a.py":5:3) at callsite("/x/a.py":9:1 at "/y/b.py":2:1))', (A5, A9, B2)),
        ('callsite(callsite("/x/a.py":5:3 at "/x/a.py":9:1) at "/y/b.py":2:1)', (A5, A9, B2)),
        ('callsite(unknown at "/y/b.py":2:1)', (B2,)),
        ('fused["/x/a.py":5:3, "/y/b.py":2:1, "/x/a.py":5:7]', (A5, B2)),
        ('fused<"what, [for]">["/x/a.py":5:3, callsite("/x/a.py":9:1 at "/y/b.py":2:1)]', (A5, A9, B2)),
        ('"/x/\\22\\C3\\A9\\\\.py":5:3', (Place('/x/"é\\.py', 5),)),
    ],
)
def test_a_location_of_mlir_is_its_places_from_the_inside_out(location, expected):
    assert places(location) == expected


def test_names_of_locations_are_followed():
    aliases = '#loc = loc(unknown)\n#loc1 = loc("/x/a.py":5:3)\n#loc2 = loc(callsite(#loc3 at #loc1))\n#loc3 = loc("n"("/y/b.py":2:1))'
    assert places("#loc2", aliases) == (B2, A5)
    assert places("#loc", aliases) == ()


def test_an_operation_with_regions_has_its_place_on_all_its_own_lines():
    text = """
#loc = loc("/x/a.py":5:3)
  tt.func @f(%x: i32 loc("x"(#loc1)), %y: i32 loc(#loc1)) {
    %0 = scf.if %c -> (i32) {
      scf.yield %x : i32 loc(#loc1)
    } else {
      scf.yield %y : i32 loc(#loc)
    } loc(#loc2)
    tt.return loc(#loc)
  } loc(#loc1)
#loc1 = loc("/x/a.py":9:3)
#loc2 = loc("/y/b.py":2:3)
""".strip()
    assert locations.read("ttgir", text) == [
        Line("  tt.func @f(%x: i32, %y: i32) {", (A9,)),
        Line("    %0 = scf.if %c -> (i32) {", (B2,)),
        Line("      scf.yield %x : i32", (A9,)),
        Line("    } else {", (B2,)),
        Line("      scf.yield %y : i32", (A5,)),
        Line("    }", (B2,)),
        Line("    tt.return", (A5,)),
        Line("  }", (A9,)),
    ]


def test_an_operation_that_goes_on_behind_a_region_has_one_place():
    """As warp specialisation is written, with a region for each partition."""
    text = """
#shared = #ttg.swizzled_shared<{vec = 1}>
    ttg.warp_specialize(%a) attributes {n = 1 : i32}
    default {
      ttg.warp_yield loc(#loc)
    }
    partition0(%b: i32 loc(#loc1)) num_warps(1) {
      ttg.warp_return loc(#loc)
    } : (i32) -> () loc(#loc2)
    ^bb1:
    tt.return loc(#loc)
#loc = loc("/x/a.py":5:3)
#loc1 = loc("/x/a.py":9:3)
#loc2 = loc("/y/b.py":2:3)
""".strip()
    assert [line.places for line in locations.read("ttgir", text)] == [
        (), (B2,), (B2,), (A5,), (B2,), (B2,), (A5,), (B2,), (), (A5,),
    ]  # fmt: skip


def test_a_text_that_looks_like_a_location_is_none():
    (line,) = locations.read("ttir", 'tt.print " loc(\\22x\\22) " loc("/x/a.py":5:3)')
    assert line == Line('tt.print " loc(\\22x\\22) "', (A5,))


# -- LLVM IR

LLVM = """
define void @f() !dbg !4 {
  %1 = add i32 1, 2, !dbg !8
  br label %2, !dbg !9, !llvm.loop !7
  ret void
}

!llvm.dbg.cu = !{!0}
!1 = !DIFile(filename: "a.py", directory: "/x")
!2 = !DIFile(filename: "/y/b.py", directory: "")
!4 = distinct !DISubprogram(name: "f", linkageName: "f", scope: !1, file: !1, line: 9, type: !5, unit: !0)
!6 = distinct !DILexicalBlockFile(scope: !4, file: !2, discriminator: 0)
!8 = !DILocation(line: 5, column: 12, scope: !4)
!9 = !DILocation(line: 2, column: 12, scope: !6, inlinedAt: !8)
""".strip()


def test_debug_information_of_llvm_is_places_and_is_left_out():
    assert locations.read("llir", LLVM) == [
        Line("define void @f() {", (A9,)),
        Line("  %1 = add i32 1, 2", (A5,)),
        Line("  br label %2, !llvm.loop !7", (B2, A5)),
        Line("  ret void"),
        Line("}"),
    ]


# -- PTX

FILES = '\t.file\t1 "/x/a.py"\n\t.file\t2 "/y/b.py"\n\t.section\t.debug_str\n\t{\n.b8 0\n\t}\n'


def ptx(text, files=FILES):
    """The lines of *text* that have any code, without what stands around it."""
    return [Line(line.text.strip(), line.places) for line in locations.read("ptx", text + files) if line.text.strip()]


def test_loc_counts_for_what_follows_it_and_is_left_out():
    text = (
        "\t.reg .b32 %r;\n$L__func_begin0:\n\t.loc\t1 5 3  // a.py:5:3\n\tadd;\n$L__BB0_1:\n\tsub;\n\t.loc\t1 0 3\n\tret;\n}\n"
    )
    assert ptx(text) == [
        Line(".reg .b32 %r;"), Line("add;", (A5,)), Line("$L__BB0_1:"), Line("sub;", (A5,)), Line("ret;"), Line("}"),
    ]  # fmt: skip


def test_calls_in_loc_are_followed_to_the_outermost():
    text = "\t.loc\t2 2 1\n\t.loc\t1 9 1, function_name $L, inlined_at 2 2 1\n\t.loc\t1 5 1, function_name $L + 3, inlined_at 1 9 1 // a.py:5:1\n\tadd;\n"
    assert ptx(text) == [Line("add;", (A5, A9, B2))]


def test_calls_that_stand_in_the_comment_alone_are_followed():
    assert ptx("\t.loc\t1 5 1   // a.py:5:1 @[ a.py:9:3 @[ b.py:2:1 ] ]\n\tadd;\n") == [Line("add;", (A5, A9, B2))]


def test_a_call_from_one_of_two_files_with_the_same_name_is_not_guessed():
    files = FILES.replace("/y/b.py", "/y/a.py")
    assert ptx("\t.loc\t1 5 1   // a.py:5:1 @[ a.py:9:3 ]\n\tadd;\n", files) == [Line("add;", (A5,))]


def test_inline_assembly_comes_from_where_it_stands():
    """LLVM counts the lines of source on with those of the assembly, from its first line on, which may be a comment."""
    text = (
        "\t.loc\t1 5 1\n\t// begin inline asm\n\t.loc\t1 5 1\n\tmov;\n\t.loc\t1 6 1\n\tld;\n\n\t// end inline asm\n\tadd;\n"
        "\t// begin inline asm\n\t// wait\n\t.loc\t1 6 1\n\twait;\n\t// end inline asm\n\t.loc\t1 9 1\n\tret;\n"
    )
    found = {line.text: line.places for line in ptx(text) if not line.text.startswith("//")}
    assert found == {"mov;": (A5,), "ld;": (A5,), "add;": (A5,), "wait;": (A5,), "ret;": (A9,)}


def test_names_of_files_in_ptx_may_have_quotes_and_other_letters():
    files = '\t.file\t1 "/x/\\"\\303\\251\\\\.py"\n'
    assert ptx("\t.loc\t1 5 1\n\tadd;\n", files) == [Line("add;", (Place('/x/"é\\.py', 5),))]


# -- Kernels


@pytest.mark.parametrize("name", ["add", "product", "total"])
def test_the_stages_agree_on_the_places(tmp_path, name):
    """Each place of a stage is one of the stage before."""
    _, made = compiled(write_kernels(tmp_path), name)
    found = {
        stage: {line.places for line in locations.read(stage, made.results[stage])}
        for stage in ("ttir", "ttgir", "llir", "ptx")
    }
    assert found["ttgir"] - {()} <= found["ttir"]
    assert found["llir"] - {()} <= found["ttgir"]
    assert found["ptx"] - {()} <= found["llir"]
    assert len(found["ptx"]) > 2


@pytest.mark.parametrize(
    ("stage", "code"), [("ttir", "tt.load"), ("ttgir", "tt.load"), ("llir", "ld.global"), ("ptx", "ld.global")]
)
def test_a_load_in_a_function_that_is_called_belongs_to_it_and_to_each_call(tmp_path, stage, code):
    path = write_kernels(tmp_path)
    _, made = compiled(path, "add")
    inner = Place(str(path), number_of("return tl.load"))
    calls = [Place(str(path), number_of(text)) for text in ("a = read(", "b = read(")]
    found = {line.places for line in locations.read(stage, made.results[stage]) if code in line.text}
    assert found == {(inner, call) for call in calls}
