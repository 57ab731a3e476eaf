# SPDX-License-Identifier: MIT
"""`python -m triton.backends.graft` and the console script `graft`: the command line, or what to install for it."""

import sys


def main() -> None:
    """Runs the command line and ends the process with its exit status: 2 if click, which it needs, is not installed."""
    try:
        from .cli import graft
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        print("Error: the command line needs click: pip install 'triton-graft[cli]'", file=sys.stderr)
        sys.exit(2)
    graft(prog_name="graft")


if __name__ == "__main__":
    main()
