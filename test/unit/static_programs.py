# SPDX-License-Identifier: MIT
"""A program with Triton and the same without it, for test_static_runtime.py: kernels, and what launches them.

    python static_programs.py BUNDLE    launches with Triton on the stub, records the bundle, and prints the launches

`launch_all` imports nothing of Triton's.
"""

import json
import sys


class Arrays:
    """What is launched with: *pointer* makes something with an address and a dtype."""

    def __init__(self, pointer):
        self.x, self.out, self.odd = pointer(0x1000, "fp32"), pointer(0x2000, "torch.float32"), pointer(0x1004, "fp32")
        self.half = pointer(0x3000, "float16")


def launch_all(kernels, pointer, descriptor):
    """Launches each kernel in many ways; each way twice. *kernels* has them by name, *descriptor* is the class of these."""
    arrays = Arrays(pointer)
    ways = *plain(kernels, arrays), *typed(kernels, arrays), *tuned(kernels, arrays), *tiled(kernels, pointer, descriptor)
    for launch in ways:
        launch()
        launch()


def plain(kernels, arrays):
    scale, x, out, odd = kernels["scale"], arrays.x, arrays.out, arrays.odd
    return [
        lambda: scale[(4,)](x, out, 1024, 2.0),
        lambda: scale[(4, 2)](x, out, 1040, -0.0),
        lambda: scale[[4, 2, 3]](x, out, 7, factor=2),
        lambda: scale[lambda meta: (meta["n"] // meta["BLOCK"],)](x, factor=1.5, n=129, out=out),
        lambda: scale[(1,)](x, out, 1, 2.0),
        lambda: scale[(1,)](odd, out, 2**31, 2.0),
        lambda: scale[(1,)](0x5000, out, 2**63, 2.0),
        lambda: scale[(1,)](x, out, 1024, 2.0, 128, num_warps=8, num_stages=3),
        lambda: scale[(1,)](x, out, 1024, 2.0, BLOCK=128, num_warps=8, maxnreg=None, debug=False),
        lambda: scale[(0,)](x, out, 1024, 2.0),
    ]


def typed(kernels, arrays):
    x, out, half = arrays.x, arrays.out, arrays.half
    return [
        lambda: kernels["typed"][(1,)](x, half, 3, 1, True, 1.25),
        lambda: kernels["typed"][(1,)](x, half, -16, True, 0, 1),
        lambda: kernels["nested"][(1,)]((x, (3, None, 2.0)), 5, 16, out, SHAPE=(1, 32)),
        lambda: kernels["nested"][(1,)]((x, (16, None, 4.0)), 6, 32, out, SHAPE=(1, 32)),
        lambda: kernels["nested"][(1,)]((out, (16, None, 4.0)), SHAPE=(1, 32)),
    ]


def tuned(kernels, arrays):
    x, out, half = arrays.x, arrays.out, arrays.half
    return [
        lambda: kernels["tuned"][lambda meta: (meta["n"] // meta["BLOCK"],)](x, out, 1024),
        lambda: kernels["tuned"][(3,)](x, out, n=2048),
        lambda: kernels["tuned"][(3,)](x, half, 1024),
        lambda: kernels["alone"][(3,)](x, 5),
        lambda: kernels["alone"][(3,)](x, 7),
    ]


def tiled(kernels, pointer, descriptor):
    def made(address, dtype="fp16", shape=(64, 32), block=(8, 16), **options):
        return descriptor(pointer(address, dtype), list(shape), [shape[1], 1], list(block), **options)

    kernel, nested = kernels["tiled"], kernels["nested_tiles"]
    moving = made(0x4000)

    def move():
        moving.base.address, moving.shape[0] = moving.base.address + 0x100, moving.shape[0] - 1
        kernel[(2,)](moving, made(0x8000), 8)

    return [
        lambda: kernel[(1,)](made(0x1000), made(0x2000), 5),
        lambda: kernel[(1,)](made(0x1000, padding="nan"), made(0x2000, shape=(16, 64)), 16),
        lambda: kernel[lambda meta: (meta["at"],)](made(0x1000, block=(16, 16)), made(0x2000, block=(16, 16)), 16),
        lambda: kernel[(1,)](made(0x1000, "fp32", round_f32_to_tf32=True), made(0x2000, "fp32"), 8),
        lambda: nested[(1,)]((made(0x1000), 3, made(0x2000, "bf16")), pointer(0x3000, "fp32")),
        move,
    ]


def make_kernels():
    """The kernels, jitted."""
    import triton
    import triton.language as tl

    def scale(x, out, n, factor: tl.float32, BLOCK: tl.constexpr = 64):
        offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        mask = offsets < n
        tl.store(out + offsets, factor, mask)

    def typed(x: tl.const, out, n: tl.int64, m, flag: tl.int1, value: tl.float16):
        tl.store(out + n + m, tl.load(x) + value, flag)

    def nested(first, *rest, SHAPE: tl.constexpr):
        tl.store(first[0] + tl.arange(0, SHAPE[1]), first[1][0] + first[1][2])
        if len(rest) > 0:
            tl.store(rest[2], rest[0] + rest[1])

    def tuned(x, out, n, BLOCK: tl.constexpr):
        tl.store(out + tl.arange(0, BLOCK), tl.load(x) + n)

    def alone(x, n, BLOCK: tl.constexpr):
        tl.store(x + tl.arange(0, BLOCK), n)

    def tiled(source, target, at):
        target.store([at, 0], source.load([at, 0]))

    def nested_tiles(tiles, out):
        places = tl.arange(0, 8)[:, None] * 16 + tl.arange(0, 16)[None, :]
        tl.store(out + places + tiles[1], tiles[0].load([0, 0]).to(tl.float32) + tiles[2].load([0, 0]).to(tl.float32))

    def bench(call, quantiles):
        """Each configuration that is measured is better than the one before."""
        call()
        bench.calls -= 1
        return [float(bench.calls)] * 3

    bench.calls = 0
    configs = [triton.Config({"BLOCK": 32}, num_warps=1), triton.Config({"BLOCK": 64}, num_warps=2, num_stages=2)]
    return {
        "scale": triton.jit(scale),
        "typed": triton.jit(do_not_specialize=["m"])(typed),
        "nested": triton.jit(nested),
        "tiled": triton.jit(tiled),
        "nested_tiles": triton.jit(nested_tiles),
        "tuned": triton.autotune(configs, key=["n"], do_bench=bench)(triton.jit(tuned)),
        "alone": triton.autotune(configs[:1], key=["n"])(triton.jit(alone)),
    }


def unchecked(*fields, padding="zero", round_f32_to_tf32=False):
    """A descriptor of Triton's, which looks at a dtype's size otherwise."""
    from triton.tools.tensor_descriptor import TensorDescriptor

    made = object.__new__(TensorDescriptor)
    made.base, made.shape, made.strides, made.block_shape = fields
    made.padding, made.round_f32_to_tf32 = padding, round_f32_to_tf32
    return made


def main(bundle):
    import static_child
    import triton
    from triton.backends.graft.bundle import record
    from triton.backends.graft.driver import Driver

    triton.runtime.driver.set_active(Driver())
    kernels = make_kernels()
    with record() as recording:
        for launch in tuned(kernels, Arrays(static_child.Pointer)):
            launch()
        static_child.launches()  # what tuning has launched
        launch_all(kernels, static_child.Pointer, unchecked)
        launches = static_child.launches()
    recording.save(bundle)
    print(json.dumps(launches))


if __name__ == "__main__":
    main(*sys.argv[1:])
