# SPDX-License-Identifier: MIT
"""Prints `triton=<package folder>` and `triton_version=<version>` of the Triton to build beside, without importing it."""

import importlib.util
import re
import sys
from pathlib import Path

NEEDED = "3.9"
REMEDY = f"Install it (pip install 'triton=={NEEDED}.*') or let pip build in isolation, which brings its own."


def main() -> int:
    spec = importlib.util.find_spec("triton")
    if spec is None or spec.origin is None:
        print(
            f"find_triton: no Triton for {sys.executable}; triton-host builds beside Triton {NEEDED}. {REMEDY}",
            file=sys.stderr,
        )
        return 1
    folder = Path(spec.origin).parent
    header = folder / "include" / "triton" / "Version.h"
    if not header.is_file():
        print(
            f"find_triton: {folder} has no C++ headers (include/triton); Triton {NEEDED} ships them. {REMEDY}", file=sys.stderr
        )
        return 1
    match = re.search(r'TRITON_VERSION "([^"]+)"', header.read_text())
    version = match.group(1) if match else "unknown"
    if not version.startswith(NEEDED + "."):
        print(f"find_triton: found Triton {version} in {folder}, but triton-host needs {NEEDED}. {REMEDY}", file=sys.stderr)
        return 1
    print(f"triton={folder}\ntriton_version={version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
