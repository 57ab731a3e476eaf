# SPDX-License-Identifier: MIT
"""`python -m triton.backends.graft` and the console script `graft`: the command line, or what to install for it."""

import sys
from collections.abc import Callable


def main() -> None:
    """Runs the command line and ends the process with its exit status: 2 if click or rich, which it needs, is not installed."""
    try:
        _command_line()(prog_name="graft")
    except KeyboardInterrupt:  # one that comes before click looks after them; these are its words and status
        print("\nAborted!", file=sys.stderr)
        sys.exit(1)


def _command_line() -> Callable[..., None]:
    from . import interrupts

    try:
        with interrupts.held():
            from .tools.cli import graft
    except ModuleNotFoundError as error:
        if error.name == f"{__package__}.tools":
            print("Error: this backend has no wing tools, where its command line is", file=sys.stderr)
            sys.exit(2)
        if error.name not in ("click", "rich"):
            raise
        print("Error: the command line needs click and rich: pip install 'triton-graft[cli]'", file=sys.stderr)
        sys.exit(2)
    return graft


if __name__ == "__main__":
    main()
