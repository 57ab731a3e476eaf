# SPDX-License-Identifier: MIT
"""Prints how to build an extension module for the Python that runs this, for CMake.

`python_include` and `python_platinclude`, the folders of its C headers; `python_suffix`, how the file's name ends;
`python_api`, the value of `Py_LIMITED_API` if the stable ABI is to be used, else nothing.
"""

import argparse
import sys
import sysconfig
from pathlib import Path

# The first release whose stable ABI has all that the launcher needs (vectorcall and its types).
STABLE_SINCE = (3, 12)


def has_stable_abi() -> bool:
    """Whether an extension for the stable ABI of `STABLE_SINCE` loads here; free-threaded Pythons have none."""
    return sys.version_info >= STABLE_SINCE and not sysconfig.get_config_var("Py_GIL_DISABLED")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stable-abi", action="store_true", help="build for the stable ABI if this Python has it")
    args = parser.parse_args()
    paths = sysconfig.get_paths()
    if not (Path(paths["include"]) / "Python.h").is_file():
        print(
            f"find_python: {sys.executable} has no C headers (no Python.h in {paths['include']}), and the launcher is a "
            "C++ extension. Install them: python3-dev on Debian and Ubuntu, python3-devel on Fedora.",
            file=sys.stderr,
        )
        return 1
    stable = args.stable_abi and has_stable_abi()
    print(f"python_include={paths['include']}\npython_platinclude={paths['platinclude']}")
    print(f"python_suffix={'.abi3.so' if stable else sysconfig.get_config_var('EXT_SUFFIX')}")
    print(f"python_api={'0x{:02x}{:02x}0000'.format(*STABLE_SINCE) if stable else ''}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
