# SPDX-License-Identifier: MIT
"""What a pass library says of itself, read before Triton loads it."""

from __future__ import annotations

import ctypes
from pathlib import Path

import triton

from .errors import PassLibraryError

#: Version of the plugin interface in triton/Tools/PluginUtils.h, TRITON_PLUGIN_API_VERSION.
_PLUGIN_API = 2


class _PluginInfo(ctypes.Structure):
    """mlir::triton::plugin::PluginInfo of triton/Tools/PluginUtils.h."""

    _fields_ = [
        ("api_version", ctypes.c_uint32),
        ("plugin_name", ctypes.c_char_p),
        ("plugin_version", ctypes.c_char_p),
        ("passes", ctypes.c_void_p),
        ("num_passes", ctypes.c_size_t),
        ("dialects", ctypes.c_void_p),
        ("num_dialects", ctypes.c_size_t),
        ("ops", ctypes.c_void_p),
        ("num_ops", ctypes.c_size_t),
        ("triton_version", ctypes.c_char_p),
    ]


def check_library(path: Path) -> None:
    """Raises `PassLibraryError` unless the library at *path* was made for this Triton.

    Triton itself would load a library of another version, which ends in a crash without a message.
    """
    remedy = "Reinstall triton-host beside this Triton (pip install --force-reinstall .)."
    if not path.is_file():
        raise PassLibraryError(f"there is no pass library at {path}. {remedy}")
    try:
        entry = ctypes.CDLL(str(path)).tritonGetPluginInfo
    except (OSError, AttributeError) as error:
        raise PassLibraryError(f"the pass library {path} does not fit Triton {triton.__version__}: {error}. {remedy}") from None
    entry.restype = ctypes.POINTER(_PluginInfo)
    info = entry().contents
    if info.api_version != _PLUGIN_API:
        raise PassLibraryError(
            f"the pass library {path} has version {info.api_version} of Triton's plugin interface, not {_PLUGIN_API}. {remedy}"
        )
    made_for = info.triton_version.decode()
    if made_for != triton.__version__:
        raise PassLibraryError(
            f"the pass library {path} was made for Triton {made_for}, this is {triton.__version__}. {remedy}"
        )
