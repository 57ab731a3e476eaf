# SPDX-License-Identifier: MIT
"""Triton's own remote cache under our driver, with a real Redis server: what one machine has compiled, another one finds."""

import contextlib
import ipaddress
import json
import os
import shutil
import subprocess
import time

import pytest
from support import output_of, run_python

PORT = "6379"

COMPILE = """
import hashlib, json
import triton
from triton.backends.graft.driver import Driver
from support import make_vector_add, warm_up_vector_add

hits = []
triton.runtime.driver.set_active(Driver(target="cuda:90"))
triton.knobs.compilation.listener = lambda cache_hit, **_: hits.append(cache_hit)
compiled = warm_up_vector_add(make_vector_add())
digests = {name: hashlib.sha256(str(text).encode()).hexdigest() for name, text in compiled.asm.items()}
print(json.dumps({"hits": hits, "hash": compiled.hash, "asm": digests}))
"""


@pytest.fixture
def redis_host(tmp_path):
    """The address of an empty Redis server.

    It is this process's alone, made of its number, so that no other can have the port that the server asks for.
    """
    redis = pytest.importorskip("redis", reason="needs the Redis client: pip install redis")
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs redis-server: apt-get install redis-server")
    host = str(ipaddress.IPv4Address("127.0.0.0") + os.getpid())
    arguments = ["--bind", host, "--port", PORT, "--save", "", "--appendonly", "no", "--dir", str(tmp_path)]
    server = subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL)
    try:
        wait_until_ready(redis.Redis(host=host, port=int(PORT)), redis.ConnectionError)
        yield host
    finally:
        server.terminate()
        server.wait()


def wait_until_ready(client, not_ready):
    """Returns when the server of *client* answers; fails if it has not within a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(not_ready):
            client.ping()
            return
        time.sleep(0.02)
    pytest.fail("redis-server does not answer")


def compile_on(folder, host):
    """What a process that has only *folder* and the server says of its compilation."""
    folder.mkdir()
    remote = {
        "TRITON_CACHE_MANAGER": "triton.runtime.cache:RemoteCacheManager",
        "TRITON_REMOTE_CACHE_BACKEND": "triton.runtime.cache:RedisRemoteCacheBackend",
        "TRITON_REDIS_HOST": host,
        "TRITON_REDIS_PORT": PORT,
    }
    output = output_of(COMPILE, folder, **remote)
    return json.loads(output)


def test_a_second_machine_finds_what_the_first_has_compiled(redis_host, tmp_path):
    first = compile_on(tmp_path / "first", redis_host)
    second = compile_on(tmp_path / "second", redis_host)
    assert (first["hits"], second["hits"]) == ([False], [True])
    assert second["hash"] == first["hash"]
    assert second["asm"] == first["asm"]


LYING = """
import json
from triton.runtime.cache import RemoteCacheBackend

class Lying(RemoteCacheBackend):
    '''Has every entry, whose first file is to be written to NAME.'''

    def __init__(self, key):
        pass

    def get(self, names):
        group = json.dumps({"child_paths": ["NAME"]}).encode()
        return {name: group if name.startswith("__grp__") else b"{}" for name in names}

    def put(self, name, data):
        pass
"""


@pytest.mark.parametrize("name", ["{folder}/owned", "../../owned", "x/owned", "..", ""])
def test_a_remote_cache_writes_no_file_outside_of_the_entry(name, tmp_path):
    (tmp_path / "lying.py").write_text(LYING.replace("NAME", name.format(folder=tmp_path)))
    code = "import sys, warnings\nsys.path.insert(0, '.')\nwarnings.simplefilter('always')\n" + COMPILE
    done = run_python(
        code,
        tmp_path,
        TRITON_CACHE_MANAGER="triton.runtime.cache:RemoteCacheManager",
        TRITON_REMOTE_CACHE_BACKEND="lying:Lying",
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["hits"] == [False]
    assert "asks for a file to be written to" in done.stderr
    assert not list(tmp_path.rglob("*owned*"))
