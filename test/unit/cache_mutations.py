# SPDX-License-Identifier: MIT
"""Mutated cache entries and manifests: each is a miss or what was stored, and none raises an error.

`python test/unit/cache_mutations.py --seed N --count M` tries many, each in a folder of its own.
"""

import argparse
import copy
import hashlib
import json
import os
import shutil
import stat
import sys
import tempfile
import time
import warnings
from pathlib import Path
from random import Random

from triton.backends.graft.cache import manifest, store
from triton.backends.graft.cache.manifest import Alternative, Manifest

NAMES = ("k.ttir", "k.cubin", "k.json")
KEYS = ("A" * 52, "B" * 52)
PROOFS = ("a" * 64, "b" * 64)

#: What may stand anywhere in JSON.
ODD = (
    None, True, 0, -1, 1, 2, 1.0, 1e400, 2**63, 10**400, "", "1", "k.json", "../k.json", "/k.json", "\0", "\ud800", "é", "x" * 4000,
    "0" * 64, [], [[]], {}, {"version": 2}, ["k.json", "0" * 64, 2, []],
)  # fmt: skip


class Stored:
    """A cache folder with entries and manifests, as they are before they are changed."""

    def __init__(self, root):
        self.root = Path(root)
        self.files, self.alternatives = {}, {}
        for number, key in enumerate(KEYS):
            self.files[key] = {name: f"{name} of {number}".encode() for name in NAMES}
            manager = store.CacheManager(key, about=store.About({"source.text": str(number)}))
            manager.put_group("k.json", {name: manager.put(data, name) for name, data in self.files[key].items()})
        for number, key in enumerate(PROOFS):
            self.alternatives[key] = [Alternative(f"{number}" * 64, [[0, "x", f"i{number}"]], ())]
            Manifest(key, "k").add(*self.alternatives[key])
        time.sleep(0.01)  # by its times, a file that changes within a tick of the clock is the same

    def paths(self):
        return sorted(path for path in self.root.rglob("*") if path.is_file() and not path.is_symlink())


# -- Steps, each of which returns whether somebody who can sign made it


def change_bytes(rng, stored):
    path = rng.choice(stored.paths())
    data = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        data[at : at + rng.choice([0, 1, 1, 8])] = rng.randbytes(rng.choice([0, 1, 1, 8]))
    path.write_bytes(data)
    return False


def cut(rng, stored):
    path = rng.choice(stored.paths())
    path.write_bytes(path.read_bytes()[: rng.choice([0, 1, 10, 64, 65, 80, -1])])
    return False


def grow(rng, stored):
    rng.choice(stored.paths()).open("ab").write(bytes(rng.choice([1, 100, (1 << 20) + 1])))
    return False


def exchange(rng, stored):
    folders = [stored.root / key for key in KEYS if (stored.root / key).is_dir()]
    found = folders if len(folders) > 1 and rng.random() < 0.5 else stored.paths()
    if len(found) < 2:
        return False
    one, other = rng.sample(found, 2)
    aside = stored.root / "aside"
    one.rename(aside)
    other.rename(one)
    aside.rename(other)
    return False


def copy_over(rng, stored):
    one, other = rng.sample(stored.paths(), 2)
    shutil.copy2(one, other)
    return False


def replace(rng, stored):
    path = rng.choice(stored.paths())
    path.unlink()
    kind = rng.randrange(5)
    if kind == 0:
        path.mkdir()
    elif kind == 1:
        path.symlink_to(rng.choice([path, Path("/dev/zero"), *stored.paths()]))
    elif kind == 2:
        os.mkfifo(path)
    elif kind == 3:
        path.touch(0)
    return False


def lie(rng, stored):
    """Changes what a group file or a manifest says, and signs it; not one in another's place, which would be its own then."""
    paths = [path for path in stored.paths() if path.name.startswith("__grp__") or path.suffix == manifest.SUFFIX]
    path = rng.choice(paths) if paths else None
    try:
        content = json.loads(path.read_bytes()) if path.suffix == ".json" else json.loads(path.read_bytes().partition(b"\n")[2])
    except (AttributeError, OSError, ValueError):
        return False
    if signed(path, content) != path.read_bytes():
        return False
    for _ in range(rng.randint(1, 3)):
        where, name = rng.choice(list(places(content)) or [(None, None)])
        if where is not None:
            where[name] = copy.deepcopy(rng.choice(ODD))
    path.write_bytes(signed(path, content))
    return True


def places(value):
    """Each list or dict inside *value* with a key of it."""
    for name, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, name
        if isinstance(item, list | dict):
            yield from places(item)


def signed(path, content):
    if path.suffix != ".json":
        text = json.dumps(content, separators=(",", ":")).encode()
        return hashlib.sha256(path.name.partition(".")[0].encode() + text).hexdigest().encode() + b"\n" + text
    if isinstance(content, dict):
        content = {name: value for name, value in content.items() if name != "digest"}
    rest = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()[1:]
    return b'{"digest":"' + hashlib.sha256(path.parent.name.encode() + rest).hexdigest().encode() + b'",' + rest


STEPS = (change_bytes, cut, grow, exchange, copy_over, replace, lie, lie)


# -- What is found


def failure(rng, stored):
    """Changes *stored*; returns what is wrong about what is found then, empty if nothing is."""
    steps = [rng.choice(STEPS) for _ in range(rng.randint(1, 3))]
    is_signed = [step(rng, stored) for step in steps if stored.paths()]
    said = ", ".join(step.__name__ for step in steps)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wrong = wrong_entry(stored) or wrong_manifest(stored, any(is_signed))
            store.names()
            list(store.entries("k"))
            list(store.stored(str(stored.root)))
            list(manifest.read_stored(str(stored.root)))
            store._evict(str(stored.root), 0, "")
    except Exception as error:
        return f"{type(error).__name__}: {error}; steps: {said}"
    return f"{wrong}; steps: {said}" if wrong else ""


def wrong_entry(stored):
    for key, files in stored.files.items():
        group = store.CacheManager(key).get_group("k.json")
        for name, path in (group or {}).items():
            if not stat.S_ISREG(os.lstat(path).st_mode) or Path(path).read_bytes() != files.get(name):
                return f"{name} of {key[0]} is not what was stored"
    return ""


def wrong_manifest(stored, is_signed):
    for key, alternatives in stored.alternatives.items():
        found = Manifest(key, "k").load()
        if not is_signed and found and found != alternatives:
            return f"the manifest of {key[0]} is not what was stored"
    return ""


def run(seed, numbers):
    """What was wrong with the mutants *numbers* of *seed*, by number."""
    found = {}
    for number in numbers:
        with tempfile.TemporaryDirectory() as root, store.knobs.cache.scope():
            store.knobs.cache.dir = root
            wrong = failure(Random(f"{seed} {number}"), Stored(root))
            if wrong:
                found[number] = wrong
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=2000)
    chosen = parser.parse_args()
    found = run(chosen.seed, range(chosen.count))
    print(*(f"{number}: {wrong}" for number, wrong in found.items()), sep="\n")
    print(f"{chosen.count} mutants, {len(found)} failures")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
