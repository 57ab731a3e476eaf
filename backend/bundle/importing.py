# SPDX-License-Identifier: MIT
"""Finding functions and kernels by what people and traces call them: `package.module:name` or `path/to/file.py:name`."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from triton.runtime.autotuner import Autotuner, Heuristics
from triton.runtime.jit import JITFunction

from ..errors import did_you_mean
from ..runtime.errors import BundleError

#: Where the files of code are that lead to other people's.
_OURS = (str(Path(__file__).resolve().parents[1]), str(importlib.__file__), "<frozen ")


def split(address: str) -> tuple[str, str]:
    """The module or file, and the name in it. Raises `BundleError` for what is no address or names a file that is not there."""
    module, _, name = address.rpartition(":")
    is_name = all(part.isidentifier() for part in name.replace("<locals>", "locals").split("."))
    if not is_name or not (_is_file(module) or all(module.split("."))):
        raise BundleError("address", f"{address!r}: expected module:name or path/to/file.py:name")
    if _is_file(module) and not os.path.isfile(module):
        raise BundleError("address", f"{address!r}: there is no file {module}")
    return module, name


def find(address: str) -> Any:
    """What *address* names; its module is imported, or its file run as a module is.

    Raises `BundleError` if it is not there, or importing it fails.
    """
    module_name, name = split(address)
    if "<locals>" in name:
        raise BundleError(
            "address",
            f"{address!r}: it is defined in a function, and only what stands at the top level of a module can be found",
        )
    found: Any = _load(module_name, address)
    for part in name.split("."):
        if not hasattr(found, part):
            raise BundleError("address", f"{address!r}: {module_name} has no {name}{did_you_mean(part, dir(found))}")
        found = getattr(found, part)
    return found


def find_kernel(address: str) -> JITFunction:
    """The jitted function that *address* names, inside autotuners and heuristics. Raises `BundleError` if it is not there."""
    found = find(address)
    kernel = unwrap(found)
    if kernel is None:
        raise BundleError("kernel", f"{address!r}: it is not a kernel, but {found!r}")
    return kernel


def unwrap(found: Any) -> JITFunction | None:
    """The jitted function in *found*, inside autotuners and heuristics; None if there is none."""
    while isinstance(found, Autotuner | Heuristics):
        found = found.fn
    return found if isinstance(found, JITFunction) else None


def kernels(address: str) -> list[str]:
    """The names of the kernels that the module of *address*, which could be loaded, has."""
    return sorted(name for name, value in vars(_load(split(address)[0], address)).items() if unwrap(value) is not None)


def module_address(module_name: str, file: str, folder: str) -> str:
    """What *module_name* is called in other processes, where the code in question is in *file*.

    A program that was started as `python -m name` is that module; any other is its file, by the path from *folder* if it is in there.
    """
    if module_name != "__main__":
        return module_name
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is not None:
        return spec.name
    path = os.path.abspath(file)
    return os.path.relpath(path, folder) if path.startswith(os.path.join(folder, "")) else path


def module_name(function: Any) -> str:
    """The module of *function* by the name with which it is imported, also where it is the main program."""
    if function.__module__ != "__main__":
        return function.__module__
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return spec.name
    return os.path.splitext(os.path.basename(getattr(main, "__file__", None) or "__main__"))[0]


def _is_file(module: str) -> bool:
    return module.endswith(".py")


def show_failure(error: BaseException) -> str:
    """The traceback of *error*, which other people's code has raised, without the frames that lead to it."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(_OURS):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames)).rstrip()


def _load(module_name: str, address: str) -> ModuleType:
    try:
        return _load_file(module_name) if _is_file(module_name) else _import(module_name, address)
    except BundleError:
        raise
    except (Exception, SystemExit) as error:
        raise BundleError("address", f"{address!r}: {module_name} cannot be imported:\n{show_failure(error)}") from error


def _import(module_name: str, address: str) -> ModuleType:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise BundleError("address", f"{address!r}: there is no module {error.name}; PYTHONPATH says where to look") from None


def _load_file(path: str) -> ModuleType:
    """Runs the file at *path* once, as what it imports from its folder expects, but not as the main program."""
    path = os.path.abspath(path)
    name = os.path.splitext(os.path.basename(path))[0]
    known = sys.modules.get(name)
    if known is not None and os.path.abspath(getattr(known, "__file__", None) or "") == path:
        return known
    if known is not None:
        name = f"_file_{path}"  # another module has its name
    if name not in sys.modules:
        folder = os.path.dirname(path)
        if folder not in sys.path:
            sys.path.insert(0, folder)
        _run_file(name, path)
    return sys.modules[name]


def _run_file(name: str, path: str) -> None:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BundleError("address", f"{path}: Python cannot load this file")
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
