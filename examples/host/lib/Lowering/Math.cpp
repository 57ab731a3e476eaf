//===- Math.cpp - functions of libm and libmvec ---------------------------===//
//
// SPDX-License-Identifier: MIT
//
//===----------------------------------------------------------------------===//
//
// What processors have an instruction for is an intrinsic of LLVM's, the rest
// is a function of libm. A loop that calls one becomes a loop over vectors if
// glibc's libmvec has the function, to 4 units in the last place, and the
// driver found libmvec. LLVM learns of it from an attribute of the function,
// which names its variants by the rules of the vector function ABI for x86.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Math/IR/Math.h"
#include "host/Lowering/Lowering.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace mlir::host;

/// The types of the function of libm whose name for fp64 is *name*, the result
/// first: f is fp64, or fp32 where the name has an f more, i is i32, and l is
/// i64. Empty if there is no such function.
static StringRef getSignature(StringRef name) {
  return llvm::StringSwitch<StringRef>(name)
      .Cases({"acos",  "acosh", "asin",      "asinh", "atan",  "atanh",
              "cbrt",  "ceil",  "cos",       "cosh",  "erf",   "erfc",
              "exp",   "exp10", "exp2",      "expm1", "fabs",  "floor",
              "j0",    "j1",    "lgamma",    "log",   "log10", "log1p",
              "log2",  "logb",  "nearbyint", "rint",  "round", "roundeven",
              "sin",   "sinh",  "sqrt",      "tan",   "tanh",  "tgamma",
              "trunc", "y0",    "y1"},
             "ff")
      .Cases({"atan2", "copysign", "fdim", "fmax", "fmin", "fmod", "hypot",
              "nextafter", "pow", "remainder"},
             "fff")
      .Case("fma", "ffff")
      .Cases({"ldexp", "scalbn"}, "ffi")
      .Cases({"jn", "yn"}, "fif")
      .Case("ilogb", "if")
      .Cases({"llrint", "llround", "lrint", "lround"}, "lf")
      .Default("");
}

/// Whether libmvec has the function whose name for fp64 is *name*, as it has
/// since glibc 2.35.
static bool hasVectorVariants(StringRef name) {
  return llvm::StringSwitch<bool>(name)
      .Cases({"acos", "acosh", "asin",  "asinh", "atan",  "atan2", "atanh",
              "cbrt", "cos",   "cosh",  "erf",   "erfc",  "exp",   "exp10",
              "exp2", "expm1", "hypot", "log",   "log10", "log1p", "log2",
              "pow",  "sin",   "sinh",  "tan",   "tanh"},
             true)
      .Default(false);
}

/// The intrinsic of LLVM's for the operation math.*name*, or empty.
static StringRef getIntrinsic(StringRef name) {
  return llvm::StringSwitch<StringRef>(name)
      .Cases({"ceil", "copysign", "ctpop", "floor", "fma", "round", "roundeven",
              "sqrt", "trunc"},
             name)
      .Case("absf", "fabs")
      .Default("");
}

Value Lowering::emitMath(Operation *op, ValueRange operands) {
  Type type = operands[0].getType();
  StringRef name = op->getName().stripDialect();
  if (isa<math::AbsIOp>(op))
    return LLVM::AbsOp::create(b, loc, type, operands[0],
                               /*is_int_min_poison=*/false);
  if (isa<math::CountLeadingZerosOp>(op))
    return LLVM::CountLeadingZerosOp::create(b, loc, type, operands[0],
                                             /*is_zero_poison=*/false);
  if (isa<math::CountTrailingZerosOp>(op))
    return LLVM::CountTrailingZerosOp::create(b, loc, type, operands[0],
                                              /*is_zero_poison=*/false);
  if (isa<math::RsqrtOp>(op)) {
    Value root = LLVM::SqrtOp::create(b, loc, type, operands[0]);
    return arith::DivFOp::create(b, loc, constantFloat(type, 1), root);
  }
  if (isa<math::FmaOp>(op) &&
      isNarrow(getElementTypeOrSelf(op->getResult(0)))) {
    // fp32 has the product, but not always the sum, and would round it before
    // the type does.
    SmallVector<Value> wide;
    for (Value value : operands)
      wide.push_back(arith::ExtFOp::create(b, loc, b.getF64Type(), value));
    Value sum = LLVM::FMAOp::create(b, loc, wide[0], wide[1], wide[2]);
    return truncate(sum, type, /*toOdd=*/true);
  }
  if (StringRef intrinsic = getIntrinsic(name); !intrinsic.empty())
    return b
        .create(loc, b.getStringAttr("llvm.intr." + intrinsic), operands, type)
        ->getResult(0);
  std::string function = name == "powf" ? "pow" : name.str();
  return callLibm(op, type.isF32() ? function + "f" : function, type, operands);
}

Value Lowering::callLibm(Operation *op, StringRef name, Type result,
                         ValueRange operands) {
  bool isSingle = !getSignature(name).size() && name.consume_back("f");
  StringRef signature = getSignature(name);
  std::string symbol = (name + (isSingle ? "f" : "")).str();
  auto fail = [&](const Twine &why) {
    (void)refuse(op, why);
    return Value();
  };
  if (signature.empty())
    return fail("libm has no function '" + symbol +
                "'; name one that it has, such as 'expf' for fp32 and 'exp' "
                "for fp64");
  SmallVector<Type> types;
  for (char letter : signature)
    types.push_back(letter == 'i'   ? b.getI32Type()
                    : letter == 'l' ? Type(b.getI64Type())
                    : isSingle      ? b.getF32Type()
                                    : Type(b.getF64Type()));
  auto type =
      LLVM::LLVMFunctionType::get(types[0], ArrayRef<Type>(types).drop_front());
  if (result != type.getReturnType() ||
      !llvm::equal(operands.getTypes(), type.getParams())) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    llvm::interleaveComma(type.getParams(), stream);
    stream << " and gives " << type.getReturnType();
    return fail("libm's '" + symbol + "' takes " + text +
                "; cast the operands, or name the function for their type");
  }
  Operation *found = module.lookupSymbol(symbol);
  auto function = dyn_cast_if_present<LLVM::LLVMFuncOp>(found);
  if (found && (!function || !function.isExternal()))
    return fail("it needs libm's '" + symbol +
                "', but a function of the kernel has this name; rename it");
  if (!function) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    function = LLVM::LLVMFuncOp::create(b, loc, symbol, type);
    // That libm sets errno is of no interest here.
    function.setPassthroughAttr(b.getArrayAttr(
        {b.getStringAttr("nounwind"), b.getStringAttr("willreturn"),
         b.getStrArrayAttr({"memory", "0"})}));
    if (options.vectorMath && hasVectorVariants(name))
      declareVectorVariants(function);
  }
  return LLVM::CallOp::create(b, loc, function, operands).getResult();
}

/// Keeps the functions *names* until the vectoriser has run: LLVM removes what
/// is declared and not called.
static void keep(ModuleOp module, OpBuilder &b, Location loc,
                 ArrayRef<std::string> names) {
  StringRef symbol = "llvm.compiler.used";
  SmallVector<std::string> all(names);
  if (auto old = module.lookupSymbol<LLVM::GlobalOp>(symbol)) {
    old.walk(
        [&](LLVM::AddressOfOp op) { all.push_back(op.getGlobalName().str()); });
    old.erase();
  }
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  Type list = LLVM::LLVMArrayType::get(pointer, all.size());
  auto global =
      LLVM::GlobalOp::create(b, loc, list, /*isConstant=*/false,
                             LLVM::Linkage::Appending, symbol, Attribute());
  global.setSection("llvm.metadata");
  b.createBlock(&global.getInitializerRegion());
  Value value = LLVM::UndefOp::create(b, loc, list);
  for (auto [i, name] : llvm::enumerate(all)) {
    Value address = LLVM::AddressOfOp::create(b, loc, pointer, name);
    value = LLVM::InsertValueOp::create(b, loc, value, address, i);
  }
  LLVM::ReturnOp::create(b, loc, value);
}

void Lowering::declareVectorVariants(LLVM::LLVMFuncOp function) {
  LLVM::LLVMFunctionType type = function.getFunctionType();
  Type element = type.getReturnType();
  std::string parameters(type.getNumParams(), 'v');
  SmallVector<std::string> names;
  for (auto [set, bits] : {std::pair('b', 128u), {'d', 256u}, {'e', 512u}}) {
    if (bits > options.vectorBits)
      break;
    unsigned lanes = bits / element.getIntOrFloatBitWidth();
    names.push_back(("_ZGV" + Twine(set) + "N" + Twine(lanes) + parameters +
                     "_" + function.getName())
                        .str());
    Type vector = VectorType::get(lanes, element);
    SmallVector<Type> operands(type.getNumParams(), vector);
    LLVM::LLVMFuncOp::create(b, loc, names.back(),
                             LLVM::LLVMFunctionType::get(vector, operands));
  }
  if (names.empty())
    return;
  SmallVector<Attribute> attributes(function.getPassthroughAttr().getValue());
  attributes.push_back(b.getStrArrayAttr(
      {"vector-function-abi-variant", llvm::join(names, ",")}));
  // LLVM would rather take its intrinsics for these two, and call a function
  // for each element of a vector.
  if (llvm::is_contained({"sin", "sinf", "cos", "cosf"}, function.getName()))
    attributes.push_back(b.getStringAttr("nobuiltin"));
  function.setPassthroughAttr(b.getArrayAttr(attributes));
  OpBuilder::InsertionGuard guard(b);
  keep(module, b, loc, names);
}
