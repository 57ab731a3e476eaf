# SPDX-License-Identifier: MIT
"""Triton's own remote cache under our driver, with a real Redis server: what one machine has compiled, another one finds."""

import contextlib
import json
import shutil
import socket
import subprocess
import time

import pytest
from support import output_of

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
def redis_port(tmp_path):
    """The port of an empty Redis server."""
    redis = pytest.importorskip("redis", reason="needs the Redis client: pip install redis")
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs redis-server: apt-get install redis-server")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    arguments = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(tmp_path)]
    server = subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL)
    try:
        wait_until_ready(redis.Redis(host="127.0.0.1", port=port), redis.ConnectionError)
        yield port
    finally:
        server.terminate()
        server.wait()


def wait_until_ready(client, not_ready):
    """Returns when the server of *client* answers; fails if it has not within ten seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(not_ready):
            client.ping()
            return
        time.sleep(0.02)
    pytest.fail("redis-server does not answer")


def compile_on(folder, port):
    """What a process that has only *folder* and the server says of its compilation."""
    folder.mkdir()
    remote = {
        "TRITON_CACHE_MANAGER": "triton.runtime.cache:RemoteCacheManager",
        "TRITON_REMOTE_CACHE_BACKEND": "triton.runtime.cache:RedisRemoteCacheBackend",
        "TRITON_REDIS_HOST": "127.0.0.1",
        "TRITON_REDIS_PORT": str(port),
    }
    output = output_of(COMPILE, folder, **remote)
    return json.loads(output)


def test_a_second_machine_finds_what_the_first_has_compiled(redis_port, tmp_path):
    first = compile_on(tmp_path / "first", redis_port)
    second = compile_on(tmp_path / "second", redis_port)
    assert (first["hits"], second["hits"]) == ([False], [True])
    assert second["hash"] == first["hash"]
    assert second["asm"] == first["asm"]
