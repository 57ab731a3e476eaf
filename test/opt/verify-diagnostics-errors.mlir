// RUN: graft-opt %s -graft-version-tiles=threads=0 -split-input-file -verify-diagnostics
// The error of a failing pass can be expected.
// expected-error@below {{threads must be positive (got 0)}}
module {
}

// -----

// `@below` looks past lines that hold only expectations.
// expected-error-re@below {{threads must be pos.*ive}}
module {
}
