//===- Print.cpp - tl.device_print ----------------------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Each line has the form that Triton's other backends print:
//
//   pid (0, 0, 0) idx ( 7) x: (operand 1) 42
//
//===----------------------------------------------------------------------===//

#include "Launch.h"
#include "host/Runtime.h"
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

/// What one print of one program has printed so far.
struct Printing {
  std::string text, program, prefix;
  std::vector<int64_t> shape;
  bool hex = false, empty = true;
};

thread_local Printing printing;

/// Appends to *text* as printf prints.
__attribute__((format(printf, 2, 3))) void append(std::string &text,
                                                  const char *format, ...) {
  char buffer[512]; // a double has 316 characters at most
  va_list values;
  va_start(values, format);
  std::vsnprintf(buffer, sizeof(buffer), format, values);
  va_end(values);
  text += buffer;
}

/// Appends the place of an element, each number as wide as the largest of its
/// dimension.
void appendIndex(std::string &text, int64_t index) {
  text += "idx (";
  if (index >= 0 && printing.shape.empty())
    append(text, "%lld", static_cast<long long>(index));
  int64_t size = 1;
  for (int64_t dimension : printing.shape)
    size *= dimension;
  const char *separator = "";
  if (index >= 0)
    for (int64_t dimension : printing.shape) {
      size /= dimension;
      int width = 0;
      for (int64_t power = 1; power < dimension; power *= 10)
        ++width;
      append(text, "%s%*lld", separator, width,
             static_cast<long long>(index / size));
      index %= size;
      separator = ", ";
    }
  text += ")";
}

void appendValue(std::string &text, int32_t kind, int64_t bits) {
  int width = kind >> 8;
  switch (kind & 0xff) {
  case 0:
    if (!printing.hex)
      return append(text, "%lld", static_cast<long long>(bits));
    [[fallthrough]];
  case 1: {
    uint64_t value = bits;
    if (width && width < 64)
      value &= (uint64_t(1) << width) - 1;
    if (printing.hex)
      return append(text, "0x%0*llx", (width + 3) / 4,
                    static_cast<unsigned long long>(value));
    return append(text, "%llu", static_cast<unsigned long long>(value));
  }
  case 2: {
    double value;
    std::memcpy(&value, &bits, sizeof(value));
    return append(text, printing.hex ? "%a" : "%f", value);
  }
  default:
    return append(text, "0x%llx", static_cast<unsigned long long>(bits));
  }
}

} // namespace

void host_print_begin(const int32_t *program, const char *prefix, int32_t hex) {
  printing = Printing();
  append(printing.program, "pid (%d, %d, %d)", program[0], program[1],
         program[2]);
  printing.prefix = prefix;
  printing.hex = hex;
}

void host_print_shape(int32_t rank, const int64_t *shape) {
  printing.shape.assign(shape, shape + rank);
}

void host_print_value(int32_t kind, int32_t operand, int64_t index,
                      int64_t bits) {
  std::string &text = printing.text;
  text += printing.program + " ";
  appendIndex(text, index);
  text += printing.prefix;
  if (operand >= 0)
    append(text, "(operand %d) ", operand);
  appendValue(text, kind, bits);
  text += "\n";
  printing.empty = false;
}

void host_print_end() {
  std::string &text = printing.text;
  if (printing.empty)
    text = printing.program + printing.prefix + "\n";
  std::lock_guard<std::mutex> lock(host::getOutputLock());
  for (size_t at = 0; at < text.size();) {
    ssize_t written = write(STDOUT_FILENO, text.data() + at, text.size() - at);
    if (written >= 0)
      at += written;
    else if (errno != EINTR)
      return; // a closed output is no error of the kernel
  }
}
