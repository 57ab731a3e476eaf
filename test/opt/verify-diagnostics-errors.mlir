// RUN: graft-opt %s -graft-version-tiles=threads=0 -split-input-file -verify-diagnostics
// The error of a failing pass can be expected.
// expected-error@below {{threads must be a power of two (got 0)}}
module {
}

// -----

// Its text can be a regular expression.
// expected-error-re@below {{threads must be a pow.*two}}
module {
}
