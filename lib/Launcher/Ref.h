//===- Ref.h - An owned Python object ---------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_REF_H
#define GRAFT_LAUNCHER_REF_H

#ifndef PY_SSIZE_T_CLEAN
#define PY_SSIZE_T_CLEAN
#endif
#include <Python.h>

#include <utility>

namespace graft::launcher {

/// Owns one reference to a Python object, or none. Needs the GIL.
class Ref {
public:
  Ref() = default;
  /// Takes over the reference *owned*, which may be null.
  explicit Ref(PyObject *owned) : object(owned) {}
  Ref(Ref &&other) noexcept : object(other.release()) {}
  Ref &operator=(Ref &&other) noexcept {
    // The old object goes last: its end may run code that comes back here.
    Ref old(std::exchange(object, other.release()));
    return *this;
  }
  Ref(const Ref &) = delete;
  Ref &operator=(const Ref &) = delete;
  ~Ref() { Py_XDECREF(object); }

  /// A reference of its own to *borrowed*, which may be null.
  static Ref to(PyObject *borrowed) {
    Py_XINCREF(borrowed);
    return Ref(borrowed);
  }

  PyObject *get() const { return object; }
  PyObject *release() { return std::exchange(object, nullptr); }
  explicit operator bool() const { return object != nullptr; }

private:
  PyObject *object = nullptr;
};

/// A function of Python's that is called from here and may be replaced at any
/// time, also by what it calls. Needs the GIL. Never destroyed: the process may
/// end after Python did.
class Callback {
public:
  void set(PyObject *borrowed) {
    Ref old(std::exchange(function, Ref::to(borrowed).release()));
  }

  /// It, for as long as it is used. Empty with an exception set if there is
  /// none.
  Ref held() const {
    if (!function)
      PyErr_SetString(PyExc_RuntimeError,
                      "the launcher is used before it is set up");
    return Ref::to(function);
  }

  /// Calls it. Returns an empty reference with an exception set on failure.
  template <typename... Args> Ref operator()(Args *...args) const {
    Ref held = this->held();
    if (!held)
      return Ref();
    PyObject *given[] = {args..., nullptr};
    return Ref(
        PyObject_Vectorcall(held.get(), given, sizeof...(args), nullptr));
  }

private:
  PyObject *function = nullptr;
};

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_REF_H
