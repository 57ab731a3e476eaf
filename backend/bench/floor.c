/* SPDX-License-Identifier: MIT */
/* What the driver itself takes for a launch: a loop over cuLaunchKernelEx. Compiled by Triton when the benchmark begins. */

#define PY_SSIZE_T_CLEAN
#include "cuda.h"
#include <Python.h>
#include <dlfcn.h>
#include <string.h>
#include <time.h>

#define MAX_PARAMS 512

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + now.tv_nsec * 1e-9;
}

/* The driver's function, of the library that is loaded already; NULL with an exception set if there is none. */
static CUresult (*find_launch(void))(const CUlaunchConfig *, CUfunction, void **, void **) {
  void *library = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD);
  void *found = library ? dlsym(library, "cuLaunchKernelEx") : NULL;
  CUresult (*launch)(const CUlaunchConfig *, CUfunction, void **, void **);
  memcpy(&launch, &found, sizeof(launch));
  if (!launch)
    PyErr_SetString(PyExc_RuntimeError, "the CUDA driver that is loaded has no cuLaunchKernelEx");
  return launch;
}

/* Points *params* at the bytes of each element of *bytes*. Returns 0 with an exception set on failure. */
static int read_params(PyObject *bytes, void **params) {
  Py_ssize_t number = PyList_Size(bytes);
  if (number > MAX_PARAMS) {
    PyErr_SetString(PyExc_ValueError, "too many parameters");
    return 0;
  }
  for (Py_ssize_t i = 0; i < number; ++i)
    if (!(params[i] = PyBytes_AsString(PyList_GetItem(bytes, i))))
      return 0;
  return 1;
}

/* measure(function, grid, block, shared, stream, params, launches): the time in seconds of so many launches, with *params* a list
   of bytes. */
static PyObject *measure(PyObject *self, PyObject *args) {
  unsigned long long function, stream;
  PyObject *bytes;
  int launches;
  void *params[MAX_PARAMS];
  CUlaunchConfig config;
  memset(&config, 0, sizeof(config));
  if (!PyArg_ParseTuple(args, "K(III)(III)IKO!i", &function, &config.gridDimX, &config.gridDimY, &config.gridDimZ,
                        &config.blockDimX, &config.blockDimY, &config.blockDimZ, &config.sharedMemBytes, &stream, &PyList_Type,
                        &bytes, &launches) ||
      !read_params(bytes, params))
    return NULL;
  CUresult (*launch)(const CUlaunchConfig *, CUfunction, void **, void **) = find_launch();
  if (!launch)
    return NULL;
  config.hStream = (CUstream)(uintptr_t)stream;
  CUresult code = CUDA_SUCCESS;
  double start = seconds();
  for (int i = 0; i < launches && code == CUDA_SUCCESS; ++i)
    code = launch(&config, (CUfunction)(uintptr_t)function, params, NULL);
  double taken = seconds() - start;
  if (code != CUDA_SUCCESS)
    return PyErr_Format(PyExc_RuntimeError, "cuLaunchKernelEx returned the CUDA error %d", (int)code);
  return PyFloat_FromDouble(taken);
}

static PyMethodDef methods[] = {{"measure", measure, METH_VARARGS, "The time of launches in a loop of C, in seconds."},
                                {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "floor", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_floor(void) { return PyModule_Create(&module); }
