//===- Runtime.h - what runs kernels, and what they call --------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// The functions of libhost_runtime.so. It has nothing of Python, MLIR or LLVM.
// A kernel is a function of a shared library that backend/compiler.py made:
//
//   args     one slot for each argument, in order. A pointer: its address. An
//            integer or a floating-point number: its bits, in the low ones.
//   program  its place in the grid, x, y and z, and the size of the grid.
//
//===----------------------------------------------------------------------===//

#ifndef HOST_RUNTIME_H
#define HOST_RUNTIME_H

#include <cstdint>

#define HOST_EXPORT extern "C" __attribute__((visibility("default")))

using HostKernel = void (*)(const uint64_t *args, const int32_t *program);

/// What came of a launch.
enum HostStatus : int32_t {
  HostDone = 0,
  HostAsserted = 1,    ///< an assertion of the kernel failed
  HostNoThread = 2,    ///< the system gave no thread that the kernel fits into
  HostOutOfBounds = 3, ///< an access was not within a buffer
  HostRaced = 4,       ///< two programs touched the same bytes
};

/// Memory that a kernel may touch, and the argument that names it.
struct HostBuffer {
  uint64_t begin, size;
  const char *name;
};

//===----------------------------------------------------------------------===//
// Called by backend/runtime.py
//===----------------------------------------------------------------------===//

/// Sets how many threads, the calling one among them, run a launch from now on.
HOST_EXPORT void host_set_threads(int32_t threads);

/// Runs *kernel* once for each program of the grid, whose three sizes are at
/// least 1, and returns when all are done. A program takes *scratch* bytes of
/// stack besides its calls. *pace*, nanoseconds for one program or 0 if that is
/// not known, is the kernel's own: it is read and set. *buffers* are for
/// `host_check` and `host_race`, which do nothing without. Launches from
/// several threads run one after the other.
HOST_EXPORT HostStatus host_launch(HostKernel kernel, const uint64_t *args,
                                   int32_t x, int32_t y, int32_t z,
                                   uint64_t scratch, int64_t *pace,
                                   const HostBuffer *buffers, uint64_t count);

/// Why the last launch from this thread failed. The text is good until the next
/// launch from it.
HOST_EXPORT const char *host_error();

//===----------------------------------------------------------------------===//
// Called by kernels
//===----------------------------------------------------------------------===//

/// Ends this program, and the launch, whose error names the first failure.
HOST_EXPORT void host_assert_failed(const char *message, const char *file,
                                    const char *function, int32_t line,
                                    const int32_t *program);

/// Begins what one `tl.device_print` prints in one program: *prefix* goes in
/// front of each value. *hex* is whether integers are hexadecimal.
HOST_EXPORT void host_print_begin(const int32_t *program, const char *prefix,
                                  int32_t hex);

/// Says that the values from here on are of a tensor of *rank* dimensions, for
/// their indices.
HOST_EXPORT void host_print_shape(int32_t rank, const int64_t *shape);

/// Prints a value. The low byte of *kind*: 0 for a signed integer, 1 for an
/// unsigned one, 2 for a double, 3 for a pointer; above it the width of the
/// type, in bits, or 0. *operand* is -1 if the print has only one. *index*
/// counts the elements of a tensor in row-major order and is -1 for a scalar.
HOST_EXPORT void host_print_value(int32_t kind, int32_t operand, int64_t index,
                                  int64_t bits);

/// Writes all of it to the standard output, as one piece.
HOST_EXPORT void host_print_end();

/// Ends this program, and the launch, if an access is not within one of the
/// buffers. *kind* is 0 for a load, 1 for a store and 2 for an atomic
/// operation, *site* its line, and *index* counts the elements of a tensor in
/// row-major order.
HOST_EXPORT void host_check(const void *address, int64_t bytes, int32_t kind,
                            const char *site, int64_t index,
                            const int32_t *program);

/// Does so if another program of the launch has touched one of the bytes, and
/// one of the two accesses is a store.
HOST_EXPORT void host_race(const void *address, int64_t bytes, int32_t kind,
                           const char *site, int64_t index,
                           const int32_t *program);

#endif // HOST_RUNTIME_H
