# SPDX-License-Identifier: MIT
"""What passes are told about the device they compile for: nothing but its compute capability is known then."""

from __future__ import annotations

from typing import NamedTuple

_MIB = 1 << 20


class Chip(NamedTuple):
    """How many multiprocessors a chip has, and how many bytes of L2 cache."""

    multiprocessors: int
    l2_bytes: int


#: A chip for each of `settings.CAPABILITIES`; where there are several, one of the smaller that servers have. Passes use these numbers
#: to tell whether something pays, never whether it is right. Sources: NVIDIA's architecture whitepapers and data sheets of the chips,
#: the CUDA tuning guides (Ampere, Hopper, Blackwell; section "Increased L2 Capacity"), and what CUDA's deviceQuery prints.
CHIPS = {
    75: Chip(40, 4 * _MIB),  # T4
    80: Chip(56, 24 * _MIB),  # A30; an A100 has 108 and 40 MiB
    86: Chip(72, 6 * _MIB),  # A10
    87: Chip(16, 4 * _MIB),  # Jetson AGX Orin
    89: Chip(58, 48 * _MIB),  # L4
    90: Chip(114, 50 * _MIB),  # H100 PCIe; an H100 SXM and an H200 have 132
    100: Chip(148, 126 * _MIB),  # B200
    103: Chip(148, 126 * _MIB),  # B300, taken for a B200
    110: Chip(20, 32 * _MIB),  # Jetson T5000
    120: Chip(84, 64 * _MIB),  # RTX 5080
    121: Chip(48, 24 * _MIB),  # GB10
}


def get_chip(capability: int) -> Chip:
    """The chip that code for *capability* (compute capability times ten) is made for; of one that is not known, that before it."""
    return CHIPS[max((known for known in CHIPS if known <= capability), default=min(CHIPS))]
