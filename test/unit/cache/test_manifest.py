# SPDX-License-Identifier: MIT
"""Manifests that somebody made up are misses, never exceptions."""

import copy
import hashlib
import json
import random

import pytest
from programs import I32, Program
from sweeps import sampled
from triton.backends.graft.cache import key, manifest
from triton.backends.graft.cache.manifest import Manifest

#: What may stand anywhere in a manifest that is made up.
ODD = (
    None,
    True,
    0,
    -1,
    99,
    2**64,
    1.5,
    "",
    "x",
    "a" * 64,
    "math",
    "triton.language",
    [],
    [[]],
    {},
    [0, "x", "y"],
    [[0, "SCALE"]],
    [[99, "x"]],
    [[1, "x"]],
)


def write(path, content):
    text = json.dumps(content).encode()
    key = path.name.partition(".")[0]
    path.write_bytes(hashlib.sha256(key.encode() + text).hexdigest().encode() + b"\n" + text)


def places(value):
    """Each list or dict inside *value* with a key of it."""
    for name, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, name
        if isinstance(item, list | dict):
            yield from places(item)


@pytest.mark.parametrize("seed", sampled(8, range(40)))
def test_a_manifest_that_somebody_made_up_is_a_miss(seed, tmp_path, monkeypatch):
    rng = random.Random(seed)
    run = Program(tmp_path / "program", monkeypatch)
    run.write("import cfg\nSCALE = tl.constexpr(3)\n@triton.jit\ndef kernel(p):\n    tl.store(p, cfg.X * SCALE)\n", cfg="X = 2")
    right = run.compile(I32).asm["ttir"]
    (path,) = (tmp_path / "cache" / manifest.FOLDER).glob("*/*")
    written = json.loads(path.read_bytes().partition(b"\n")[2])
    for _ in range(5):
        content = copy.deepcopy(written)
        for _ in range(rng.randint(1, 3)):
            where, name = rng.choice(list(places(content)))
            where[name] = copy.deepcopy(rng.choice(ODD))
            if not list(places(content)):
                break
        write(path, content)
        assert run.compile(I32).asm["ttir"] == right
        assert isinstance(Manifest(path.name.partition(".")[0], "kernel").load(), list)


def test_used_globals_that_are_not_there_are_a_miss(tmp_path, monkeypatch):
    run = Program(tmp_path / "program", monkeypatch)
    run.write("SCALE = tl.constexpr(3)\n@triton.jit\ndef kernel(p):\n    tl.store(p, SCALE)\n")
    run.compile(I32)
    (path,) = (tmp_path / "cache" / manifest.FOLDER).glob("*/*")
    ((ttir, reads, _),) = json.loads(path.read_bytes().partition(b"\n")[2])
    ways, look_up = [], key.look_up

    def follow(request):
        found = look_up(request)
        ways.append(found.way)
        return found

    monkeypatch.setattr(key, "look_up", follow)
    for used in ([[0, "SCALE"]], [[99, "SCALE"]], [[0, "nothing"]]):
        write(path, [[ttir, reads, used]])
        run.compile(I32)
    assert ways == ["manifest", "ttir", "ttir"]
