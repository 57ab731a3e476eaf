# SPDX-License-Identifier: MIT
"""The sources in the wheel: `graft new` makes projects of them. An editable installation has them anyway."""

import tarfile
from pathlib import Path

import names
import new_backend
from setuptools.command.build_py import build_py


class BuildWithSources(build_py):
    """Builds the Python part, and puts the archive of the sources beside the module that reads it."""

    def run(self) -> None:
        super().run()
        folder = Path(self.build_lib, "triton", "backends", names.read_name(), "template")
        if folder.is_dir() and not self.editable_mode:
            sources = new_backend.load("template.repository")
            with tarfile.open(folder / sources.ARCHIVE.name, "w:xz") as archive:
                for path in sources.listed(names.ROOT):
                    archive.add(path, path.relative_to(names.ROOT).as_posix(), filter=_anonymous)


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same without what differs from one build to the next."""
    info.uid = info.gid = 0
    info.mtime = 0
    info.uname = info.gname = ""
    return info
