// RUN: graft-opt %s -graft-version-tiles=threads=0 -split-input-file -verify-diagnostics
// The error of a failing pass can be expected, and `@below` looks past other expectations.
module {
}

// -----

// expected-error-re@+1 {{threads must be pos.*ive}}
module {
}
