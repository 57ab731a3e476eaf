# SPDX-License-Identifier: MIT
"""Writes backend/cache/known_builds.json: the libtriton.so of every released wheel of Triton, by the SHA-256 of its content.

The wheels of one release are built from the same sources for several Pythons, and this table is what lets them count as
one compiler. They come through pip from the package index that it is configured to use; each libtriton.so is checked
against its wheel's own RECORD.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import io
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

TABLE = Path(__file__).parents[1] / "backend" / "cache" / "known_builds.json"
RELEASES = ("3.9.0",)
MEMBER = "triton/_C/libtriton.so"

#: What pip is asked for. Several of these may get the same wheel: one for the stable ABI serves every later Python.
PYTHONS = (("3.10", "cp310"), ("3.11", "cp311"), ("3.12", "cp312"), ("3.13", "cp313"), ("3.14", "cp314"), ("3.14", "cp314t"))
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_28_aarch64")


class KnownBuildsError(Exception):
    """A wheel could not be downloaded, or is not what it should be."""


def download(release: str, python: str, abi: str, platform: str, folder: Path) -> bool:
    """Puts the wheel of Triton *release* for that Python and platform into *folder*; False if there is no such wheel.

    Raises `KnownBuildsError` if pip does not get as far as that.
    """
    # A platform stands for itself alone, so the older ones whose wheels run there too are listed.
    platforms = [re.sub(r"2_28", f"2_{minor}", platform) for minor in range(28, 16, -1)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    command += ["--implementation=cp", f"--python-version={python}", f"--abi={abi}", "--abi=abi3"]
    command += [f"--platform={name}" for name in platforms]
    done = subprocess.run([*command, f"triton=={release}"], capture_output=True, text=True)
    if done.returncode == 0:
        return True
    # Without an answer from the index pip says the same, but knows no version at all.
    versions = re.search(r"from versions: ([^)]*)", done.stderr)
    if versions is None or versions.group(1) == "none":
        raise KnownBuildsError(f"pip download failed for Triton {release}, {abi}, {platform}:\n{done.stderr.strip()}")
    return False


def digest_of(wheel: Path) -> str:
    """The SHA-256 of the libtriton.so in *wheel*. Raises `KnownBuildsError` unless the wheel's RECORD agrees."""
    with zipfile.ZipFile(wheel) as archive:
        digest = hashlib.sha256()
        with archive.open(MEMBER) as member:
            while chunk := member.read(1 << 20):
                digest.update(chunk)
        (record,) = [name for name in archive.namelist() if re.fullmatch(r"triton-[^/]*\.dist-info/RECORD", name)]
        rows = {row[0]: row[1] for row in csv.reader(io.StringIO(archive.read(record).decode())) if row}
    recorded = "sha256=" + base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
    if rows.get(MEMBER) != recorded:
        raise KnownBuildsError(f"{wheel.name}: {MEMBER} is {recorded}, but its RECORD says {rows.get(MEMBER)}")
    return digest.hexdigest()


def table_of(wheels: list[Path]) -> dict[str, dict[str, str]]:
    """The table for *wheels*, sorted by their names. Raises `KnownBuildsError` if two releases share a libtriton.so."""
    table: dict[str, dict[str, str]] = {}
    for wheel in sorted(wheels, key=lambda path: path.name):
        version = wheel.name.split("-")[1]
        entry = table.setdefault(digest_of(wheel), {"version": version, "wheel": wheel.name})
        if entry["version"] != version:
            raise KnownBuildsError(f"{wheel.name} has the same libtriton.so as {entry['wheel']}")
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheels", nargs="*", type=Path, help="wheels that are here already, instead of downloading")
    args = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            for release in RELEASES if not args.wheels else ():
                for platform in PLATFORMS:
                    for python, abi in PYTHONS:
                        found = download(release, python, abi, platform, Path(folder))
                        print(f"known_builds: {release} {abi} {platform}: {'yes' if found else 'no wheel'}", file=sys.stderr)
            table = table_of(args.wheels or list(Path(folder).glob("*.whl")))
    except (KnownBuildsError, OSError, zipfile.BadZipFile) as error:
        print(f"known_builds: {error}", file=sys.stderr)
        return 1
    TABLE.write_text(json.dumps(table, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
