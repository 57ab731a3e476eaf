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


class Multiprocessor(NamedTuple):
    """What is resident on one multiprocessor at most: warps, CTAs, and bytes of their shared memory. All have 65536 registers."""

    warps: int
    ctas: int
    shared_bytes: int

    def resident_ctas(self, registers: int, warps: int, shared_bytes: int) -> int:
        """How many CTAs are resident that have *warps* warps, with *registers* for each thread, and *shared_bytes* in all."""
        # Registers are given to warps by 8 a thread, and each of four parts of the multiprocessor has a quarter of them.
        held = 4 * (16384 // (32 * -(-max(registers, 16) // 8) * 8))
        shared = self.shared_bytes // (shared_bytes + _RESERVED)
        return min(self.ctas, shared, min(self.warps, held) // warps)


#: Shared memory of every CTA that CUDA takes for itself.
_RESERVED = 1 << 10

#: Source: CUDA Programming Guide, technical specifications per compute capability.
MULTIPROCESSORS = {
    75: Multiprocessor(32, 16, 64 << 10),
    80: Multiprocessor(64, 32, 164 << 10),
    86: Multiprocessor(48, 16, 100 << 10),
    87: Multiprocessor(48, 16, 164 << 10),
    89: Multiprocessor(48, 24, 100 << 10),
    90: Multiprocessor(64, 32, 228 << 10),
    100: Multiprocessor(64, 32, 228 << 10),
    103: Multiprocessor(64, 32, 228 << 10),
    110: Multiprocessor(48, 24, 228 << 10),
    120: Multiprocessor(48, 24, 100 << 10),
    121: Multiprocessor(48, 24, 100 << 10),
}


def get_multiprocessor(capability: int) -> Multiprocessor:
    """The limits for *capability*; of one that is not known, those of the one before it."""
    return MULTIPROCESSORS[max((known for known in MULTIPROCESSORS if known <= capability), default=min(MULTIPROCESSORS))]
