# SPDX-License-Identifier: MIT
"""The options of our passes do what they say."""

import pytest
from support import make_vector_add, warm_up_vector_add
from triton.backends.graft.driver import Driver


@pytest.mark.parametrize("arch", [80, 90, 100])
def test_version_tiles_widens_the_accesses_of_whole_tiles(activate, arch):
    """n = 1001 is not known to be a multiple of anything, so under the mask each access has one fp16 element."""
    activate(Driver(target=f"cuda:{arch}"))
    plain, versioned = (warm_up_vector_add(make_vector_add(), block=1024, version_tiles=flag).asm for flag in (False, True))
    assert "scf.if" in versioned["ttir"] and "scf.if" not in plain["ttir"]
    assert ".global.v4.b32" in versioned["ptx"] and ".global.v" not in plain["ptx"]


def test_the_limit_on_duplicated_operations_reaches_the_pass(activate):
    activate(Driver(target="cuda:90"))
    assert "scf.if" not in warm_up_vector_add(make_vector_add(), version_tiles_max_ops=0).asm["ttir"]
