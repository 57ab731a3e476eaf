//===- NativeFunction.h - Functions of Python's that are native -*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// What stands in for a function of Triton's is a copy of it, so that whoever
// looks into functions, as torch.compile does to trace them, finds what Triton
// has. Only a call is another.
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_LAUNCHER_NATIVEFUNCTION_H
#define GRAFT_LAUNCHER_NATIVEFUNCTION_H

#include "Ref.h"

namespace graft::launcher {

/// Has *function*, an exact function of Python's, be called by *call*. Where
/// that cannot be, its own code goes on to be called, which does the same and
/// is slow: with the stable interface, and where code of Python 3.11 calls it
/// by name. Needs the GIL.
inline void replaceCall(PyObject *function, vectorcallfunc call) {
#ifdef Py_LIMITED_API
  (void)function;
  (void)call;
#elif PY_VERSION_HEX >= 0x030c0000
  PyFunction_SetVectorcall(reinterpret_cast<PyFunctionObject *>(function),
                           call);
#else
  reinterpret_cast<PyFunctionObject *>(function)->vectorcall = call;
#endif
}

} // namespace graft::launcher

#endif // GRAFT_LAUNCHER_NATIVEFUNCTION_H
