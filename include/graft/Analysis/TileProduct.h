//===- TileProduct.h - which tiles does a program multiply? -----*- C++ -*-===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// Finds out whether the programs of a kernel are the tiles of a matrix product,
// and which program has which tile.
//
// The hardware starts programs in the order of their numbers. What changes from
// one program to the next is called the column of its tile here, the rest the
// row, whichever of them chooses the rows of the matrix:
//
//              column               row                  columns
//   2-D grid   program_id(0)        program_id(1)        num_programs(0)
//   1-D grid   program_id(0) % n    program_id(0) / n    n
//
//===----------------------------------------------------------------------===//

#ifndef GRAFT_ANALYSIS_TILEPRODUCT_H
#define GRAFT_ANALYSIS_TILEPRODUCT_H

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "triton/Analysis/AxisInfo.h"
#include "triton/Dialect/Triton/IR/Dialect.h"
#include <optional>

namespace mlir::graft {

/// A product in a loop of what depends on the column alone with what depends on
/// the row alone.
struct TileProduct {
  /// The first such product, and the innermost loop around it.
  Operation *product = nullptr;
  scf::ForOp loop;
  /// On a 1-D grid the divisor, an integer of 32 or 64 bits: positive, or else
  /// a program is not in a row. Null on a 2-D grid.
  Value divisor;
  /// The operands in one iteration, in bytes: those that all programs of a
  /// column share, and those that all programs of a row share.
  int64_t columnBytes = 0;
  int64_t rowBytes = 0;

  /// Whether the operands of one column and the next lie side by side, line by
  /// line, and not one below the other.
  bool areColumnsSideBySide(triton::ModuleAxisInfoAnalysis &axisInfo) const;

  /// Which operand of the product is that of the column, 0 or 1.
  unsigned columnOperand = 0;
};

/// The matrix product that *function* computes, if it computes one.
std::optional<TileProduct> getTileProduct(triton::FuncOp function);

} // namespace mlir::graft

#endif // GRAFT_ANALYSIS_TILEPRODUCT_H
