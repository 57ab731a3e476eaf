# SPDX-License-Identifier: MIT
"""What `tl.device_print` prints."""

import triton
import triton.language as tl
from triton.backends.host.driver import Driver


@triton.jit
def print_hex(value):
    tl.device_print("x: ", value, hex=True)


def test_a_float_in_hex_is_printed_as_c_does(monkeypatch, tmp_path, capfd):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(triton.runtime.driver, "_active", Driver())
    print_hex[(1,)](-1.5)
    assert capfd.readouterr().out == "pid (0, 0, 0) idx () x: -0x1.8p+0\n"
