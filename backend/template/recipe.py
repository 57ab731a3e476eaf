# SPDX-License-Identifier: MIT
"""What a project was made from: the arguments of `graft new`, which its commits keep."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from typing import NamedTuple

from ..errors import OptionError, did_you_mean
from . import copying, names, none, repository
from .errors import TemplateError

#: Begins the line of a commit's message that says the arguments.
_TRAILER = "Template: "


class Recipe(NamedTuple):
    """The name of a backend, and what kind of project it is."""

    name: str
    #: Wings to leave out, joined by commas, or all.
    without: str = ""
    target: str = "cuda"
    #: For another chip, the stage that its own follows; empty for the first.
    via: str = ""

    @property
    def names(self) -> names.Names:
        return names.Names(self.name)

    @property
    def kept(self) -> list[str]:
        """The wings that the project has. Raises `OptionError` for one that there is not, or where there are none."""
        table = copying.wings(repository.sources())
        given = set(filter(None, self.without.split(",")))
        named = frozenset(table if "all" in given else given)
        if unknown := sorted(named - set(table)):
            expected = f"some of {', '.join(table)}, joined by commas, or all"
            raise OptionError("--without", ",".join(unknown), expected + did_you_mean(unknown[0], table))
        if self.target == "none" and self.without:
            raise OptionError("--without", self.without, "not to be given with --target none, which has no wings")
        removed = copying.with_dependents(named, table)
        return [wing for wing in table if wing not in removed]

    def files(self) -> dict[str, bytes]:
        """The files of the project by their paths, not yet formatted. Raises `OptionError` for arguments that do not go together."""
        kept = self.kept
        if self.target == "none":
            return none.project(self.names, "ttgir" if self.via == "ttgir" else "ttir")
        if self.via:
            raise OptionError("--via", self.via, "not to be given without --target none")
        return copying.project(self.names, frozenset(copying.wings(repository.sources())) - set(kept))

    def message(self, verb: str) -> str:
        """The message of the commit that has these files: *verb* says what it does."""
        given = ["--without", self.without] if self.without else []
        given += ["--target", self.target] if self.target != "cuda" else []
        given += ["--via", self.via] if self.via else []
        line = f"{_TRAILER}{shlex.join(['new', self.name, *given])}"
        return f"[Project] {verb} triton-{names.OWN.lower} {repository.version()}\n\n{line}"


def joined(without: Iterable[str]) -> str:
    """What `--without` was given, as one text: each wing once, in order."""
    return ",".join(sorted({wing.strip() for text in without for wing in text.split(",")} - {""}))


def read(message: str) -> Recipe:
    """The recipe in the *message* of a commit. Raises `TemplateError` if there is none, or one that is not understood."""
    line = re.search(rf"^{_TRAILER}new (.*)$", message, re.M)
    try:
        name, *rest = shlex.split(line.group(1)) if line else [""]
        given = dict(zip(rest[::2], rest[1::2], strict=True))
        return Recipe(names.parse_form(name).lower, **{key.removeprefix("--"): value for key, value in given.items()})
    except (TypeError, ValueError) as error:  # an `OptionError` is one, too
        raise TemplateError(f"`{line.group() if line else message}` is not a line that `graft new` wrote: {error}") from None


#: What git is to look for.
PATTERN = f"^{_TRAILER}new "
