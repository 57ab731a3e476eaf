//===- Contraction.cpp - which products become part of a sum? -------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//

#include "graft/Analysis/Contraction.h"

#include "graft/Analysis/Accesses.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace mlir::graft;
namespace tt = mlir::triton;

namespace {

/// What an operation on floating-point numbers is to the operations around it.
struct Role {
  /// Its result may be a product.
  bool isProduct;
  /// It may add one of its operands to something.
  bool isSum;
  /// Its result is an operand as it is, or one that a sum can take in as well.
  bool isLink = false;
  /// ptxas writes it out, with products in it. These have stayed alone in all
  /// that was seen, which is no proof.
  bool isWrittenOut = false;
};

} // namespace

static constexpr Role productRole{true, false};
static constexpr Role sumRole{false, true};
static constexpr Role linkRole{false, false, true};
static constexpr Role writtenOutRole{false, false, false, true};
static constexpr Role noRole{false, false};
/// That of whatever the table does not know, such as library functions.
static constexpr Role anyRole{true, true};

static bool isFloat(Type type) {
  return isa<FloatType>(getElementTypeOrSelf(type));
}

/// The role of *op*, apart from what its regions do.
static Role getOwnRole(Operation *op) {
  return llvm::StringSwitch<Role>(op->getName().getStringRef())
      .Case("arith.mulf", productRole)
      .Cases({"arith.addf", "arith.subf"}, sumRole)
      .Cases({"arith.negf", "arith.extf", "tt.splat", "tt.broadcast",
              "tt.expand_dims", "tt.reshape", "tt.trans", "tt.join", "tt.split",
              "tt.cat", "tt.unsplat"},
             linkRole)
      .Cases({"arith.divf", "arith.remf", "math.exp", "math.exp2", "math.sqrt",
              "math.rsqrt", "tt.fp_to_fp", "tt.precise_divf",
              "tt.precise_sqrt"},
             writtenOutRole)
      .Cases({"arith.bitcast", "arith.cmpf", "arith.constant", "arith.fptosi",
              "arith.fptoui", "arith.maximumf", "arith.maxnumf",
              "arith.minimumf", "arith.minnumf", "arith.select", "arith.sitofp",
              "arith.truncf", "arith.uitofp"},
             noRole)
      .Cases({"math.absf", "math.ceil", "math.floor", "math.fma"}, noRole)
      .Cases({"tt.atomic_cas", "tt.atomic_rmw", "tt.bitcast", "tt.clampf",
              "tt.descriptor_gather", "tt.descriptor_load",
              "tt.descriptor_reduce", "tt.descriptor_scatter",
              "tt.descriptor_store", "tt.dot", "tt.dot_scaled", "tt.gather",
              "tt.load", "tt.store"},
             noRole)
      .Cases({"scf.yield", "scf.condition", "tt.return", "tt.reduce.return",
              "tt.scan.return", "tt.map_elementwise.return"},
             noRole)
      .Default(anyRole);
}

/// The role of *op*, whose regions compute its result, as those of a reduction
/// do.
static Role getRole(Operation *op) {
  auto concernsFloats = [](auto types) { return llvm::any_of(types, isFloat); };
  if (!concernsFloats(op->getOperandTypes()) &&
      !concernsFloats(op->getResultTypes()))
    return noRole;
  if (!isa<tt::ReduceOp, tt::ScanOp, tt::MapElementwiseOp>(op))
    return op->getNumRegions() == 0 ? getOwnRole(op) : noRole;
  Role role = noRole;
  for (Region &region : op->getRegions())
    region.walk([&](Operation *nested) {
      Role inner = getRole(nested);
      role.isProduct |= inner.isProduct;
      role.isSum |= inner.isSum;
    });
  return role;
}

//===----------------------------------------------------------------------===//
// Selections
//===----------------------------------------------------------------------===//

/// Whether what *value* is made of without arithmetic holds a product.
static bool isMadeOfProduct(Value value) {
  SmallVector<Value> pending{value};
  llvm::SmallDenseSet<Value, 8> seen;
  while (!pending.empty()) {
    Value next = pending.pop_back_val();
    Operation *op = next.getDefiningOp();
    if (!op || !isFloat(next.getType()) || !seen.insert(next).second)
      continue;
    Role role = getRole(op);
    if (role.isProduct)
      return true;
    if (role.isLink || isa<arith::SelectOp>(op))
      llvm::append_range(pending, op->getOperands());
  }
  return false;
}

/// Whether a sum takes in what *value* becomes without arithmetic.
static bool isTakenInBySum(Value value) {
  SmallVector<Value> pending{value};
  llvm::SmallDenseSet<Value, 8> seen;
  while (!pending.empty()) {
    Value next = pending.pop_back_val();
    if (!seen.insert(next).second)
      continue;
    for (Operation *user : next.getUsers()) {
      Role role = getRole(user);
      if (role.isSum)
        return true;
      if (role.isLink || isa<arith::SelectOp>(user))
        llvm::append_range(pending, user->getResults());
    }
  }
  return false;
}

bool graft::separatesProductFromSum(arith::SelectOp select) {
  return isMadeOfProduct(select.getTrueValue()) &&
         isTakenInBySum(select.getResult());
}

//===----------------------------------------------------------------------===//
// Cuts
//===----------------------------------------------------------------------===//

ProductCut::ProductCut(Operation *first)
    : block(first->getBlock()), first(first) {
  for (Operation *op = first; op; op = op->getNextNode())
    op->walk([&](Operation *nested) { visitSum(nested); });
  // What is taken along may be a sum itself, and have uses of its own.
  for (unsigned i = 0; possible && i < taken.size(); ++i) {
    visitSum(taken[i]);
    for (Operation *user : taken[i]->getUsers()) {
      Operation *ancestor = block->findAncestorOpInBlock(*user);
      if (!ancestor)
        possible = false;
      else if (isInFront(ancestor))
        take(ancestor);
    }
  }
}

bool ProductCut::isInFront(Operation *op) const {
  return op->getBlock() == block && op->isBeforeInBlock(first);
}

void ProductCut::visitSum(Operation *sum) {
  if (!getRole(sum).isSum)
    return;
  SmallVector<Value> pending(sum->getOperands());
  SmallVector<Operation *> found;
  bool holdsProduct = false;
  while (!pending.empty()) {
    Value value = pending.pop_back_val();
    Operation *op = value.getDefiningOp();
    if (!op || !isFloat(value.getType()) || !visited.insert(value).second)
      continue;
    Role role = getRole(op);
    if (isInFront(op) && (role.isProduct || role.isLink))
      found.push_back(op);
    holdsProduct |= isInFront(op) && role.isProduct;
    if (role.isLink)
      llvm::append_range(pending, op->getOperands());
  }
  // A link to a product that has been visited is among its users.
  if (holdsProduct)
    llvm::for_each(found, [&](Operation *op) { take(op); });
}

void ProductCut::take(Operation *op) {
  // Scalars that are no floating-point numbers may be known to conditions.
  bool mayMove = isPure(op) && op->getNumRegions() == 0 &&
                 llvm::all_of(op->getResultTypes(), [](Type type) {
                   return isFloat(type) || isa<RankedTensorType>(type);
                 });
  possible &= mayMove;
  taken.insert(op);
}

Operation *ProductCut::apply() {
  SmallVector<Operation *> ops = taken.takeVector();
  llvm::sort(ops,
             [](Operation *a, Operation *b) { return b->isBeforeInBlock(a); });
  for (Operation *op : ops) {
    Operation *user = nullptr;
    for (Operation *next : op->getUsers()) {
      Operation *ancestor = block->findAncestorOpInBlock(*next);
      if (!user || ancestor->isBeforeInBlock(user))
        user = ancestor;
    }
    if (!user)
      continue;
    op->moveBefore(user);
    if (user == first)
      first = op;
  }
  return first;
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

bool graft::mayChange(tt::FuncOp function, bool exact, StringRef pass) {
  if (!exact)
    return true;
  bool hasProduct = false, hasSum = false, reduces = false;
  function.walk([&](Operation *op) {
    Role role = getRole(op);
    hasProduct |= role.isProduct || role.isWrittenOut;
    hasSum |= role.isSum;
    reduces |= isa<tt::DotOpInterface>(op) ||
               (op->getNumRegions() != 0 && (role.isProduct || role.isSum));
  });
  if (reduces)
    function.emitRemark(pass) << ": left alone for exact bits: the order of a "
                                 "reduction or a dot product may change";
  else if (hasProduct && hasSum)
    function.emitRemark(pass) << ": left alone for exact bits: a product and a "
                                 "sum may become one operation or stay two";
  return !reduces && !(hasProduct && hasSum);
}
