# SPDX-License-Identifier: MIT
"""Programs that wait for one another end in the order that graft-swizzle-programs gives them, because it lets theirs be.

Random kernels, compiled to TTIR, run program by program on a simulated device.
"""

import random
import re
from pathlib import Path

import pytest
import triton
from kernel_compiling import Compilation
from order_cases import AWAITED, OBSERVATIONS, SPINS, Launch, make_launch, run
from program_ids import read_ids
from sweeps import sampled, slow
from triton.backends.graft.driver import Driver
from triton.backends.graft.tools import remarks

pytestmark = pytest.mark.xdist_group("program order")

LAUNCHES = [80, slow(180)]
ARCH = 90
OPERATIONS = Path(triton.__file__).parent / "include" / "triton" / "Dialect" / "Triton" / "IR" / "TritonOps.td"
ALLOWED = Path(__file__).parents[3] / "lib" / "Analysis" / "ProgramOrder.cpp"
#: What no renumbered kernel has in it. An operation that a new Triton adds is one of these until somebody has thought about it.
REFUSED = {
    "AssertOp", "AtomicCASOp", "AtomicLoadOp", "AtomicPollOp", "AtomicRMWOp", "AtomicStoreOp", "CallOp", "DescriptorReduceOp",
    "ElementwiseInlineAsmOp", "GetNumProgramsOp", "PrintOp",
}  # fmt: skip
KEPT = "order kept: a program could notice it by "


class Compiled:
    """What the pass makes of a launch, for one value of the option."""

    def __init__(self, launch: Launch, compilation: Compilation, group: int | str):
        self.launch = launch
        with remarks.captured() as said:
            self.ttir = compilation.compile("ttir", version_tiles=False, swizzle_programs=group)["ttir"]
        self.remarks = [remark.text for remark in said if remark.name == "graft-swizzle-programs"]

    @property
    def order(self) -> list[int]:
        """The numbers that programs have, in the order in which the hardware starts them."""
        head = re.search(r"tt\.func public @\w+\((.*)\) attributes", self.ttir)
        names = [*self.launch.case.buffers, *self.launch.case.numbers]
        given = dict(zip(names, re.findall(r"(%\w+): ", head[1]), strict=True))
        numbers = {given[name]: str(value) for name, value in self.launch.case.numbers.items()}
        ids = read_ids(self.ttir, numbers, [given["x_ids"], given["y_ids"]])
        width, height = self.launch.grid
        places = [ids(x, width, y, height) for y in range(height) for x in range(width)]
        return [x + y * width for x, y in places]


@pytest.fixture(scope="module", params=LAUNCHES)
def compiled(request, tmp_path_factory):
    """So many launches, each compiled without the pass, with a group and with the one that the pass chooses."""
    triton.runtime.driver.set_active(Driver(target=f"cuda:{ARCH}"))
    folder, rng, found = tmp_path_factory.mktemp("launches"), random.Random(0), []
    try:
        for launch in map(make_launch, range(request.param)):
            compilation = Compilation(launch.case, ARCH, folder)
            found.append([Compiled(launch, compilation, group) for group in (0, rng.choice((2, 3, 4, 8, 16)), "auto")])
    finally:
        triton.runtime.driver._active = None  # there is none to go back to, without a GPU
    return found


def test_what_ends_under_the_hardwares_numbers_ends_under_those_of_the_pass(compiled):
    rng = random.Random(1)
    for launch, variants in ((variants[0].launch, variants) for variants in compiled):
        count = launch.columns * launch.rows
        assert variants[0].order == list(range(count))
        for one in variants:
            assert sorted(one.order) == list(range(count)), launch.case
            for slots in (1, 2, rng.randint(3, 40), 114):
                ended = run(one.order, slots, launch.wait_for)
                assert ended == count, f"{ended} of {count} programs end on {slots} slots: {one.remarks}\n{launch.case}"


def test_kernels_whose_programs_could_notice_their_order_keep_it_and_say_why(compiled):
    for plain, *others in compiled:
        for one in others if plain.launch.is_observed else ():
            assert one.ttir == plain.ttir, plain.launch.case
            assert any(KEPT in text for text in one.remarks), plain.launch.case


def test_products_that_notice_nothing_are_renumbered(compiled):
    free = [variants for variants in compiled if not variants[0].launch.is_observed]
    for plain, given, _ in free:
        assert given.ttir != plain.ttir, f"{given.remarks}\n{plain.launch.case}"
    assert any(chosen.ttir != plain.ttir for plain, _, chosen in free)


@pytest.mark.parametrize("launches", LAUNCHES)
def test_the_seeds_reach_every_way_to_notice_the_order(launches):
    families = " ".join(make_launch(seed).case.family for seed in range(launches))
    assert all(f"waits_by_{way}" in families for way in SPINS)
    assert all(f", {way}" in families for way in OBSERVATIONS)


def test_every_operation_of_triton_is_allowed_or_refused():
    known = set(re.findall(r"^def (?:TT_)?(\w+Op)\b", OPERATIONS.read_text(), re.M))
    allowed = set(re.findall(r"\btt::(\w+Op)\b", ALLOWED.read_text()))
    assert known - allowed == REFUSED


@pytest.mark.parametrize("awaited", sampled(3, AWAITED))
def test_in_natural_order_every_launch_ends_on_any_number_of_slots(awaited):
    for columns, rows, slots in ((1, 9, 1), (7, 5, 1), (24, 24, 3), (64, 64, 114)):
        launch = Launch(make_launch(0).case, columns, rows, awaited, True)
        assert run(range(columns * rows), slots, launch.wait_for) == columns * rows


def test_rows_that_wait_for_the_row_before_stand_still_in_groups():
    """A grid of 64 x 64 in groups of 4 rows, as the pass chooses them for 114 multiprocessors."""
    launch = Launch(make_launch(0).case, 64, 64, "number // columns * columns - 1", True)
    grouped = [(first + row) * 64 + column for first in range(0, 64, 4) for column in range(64) for row in range(4)]
    assert run(grouped, 114, launch.wait_for) < 200
