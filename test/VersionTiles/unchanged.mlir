// RUN: graft-opt %s -graft-version-tiles -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-version-tiles -split-input-file -verify-diagnostics

// A function without masks is left alone.
// CHECK-LABEL: @no_masks(
// CHECK-NEXT:  %[[X:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK-NEXT:  %[[Y:.*]] = arith.addf %[[X]], %{{[^,]+}} : tensor
// CHECK-NEXT:  tt.store %{{[^,]+}}, %[[Y]] : tensor
// CHECK-NEXT:  tt.return
tt.func @no_masks(%ptrs: tensor<1024x!tt.ptr<f16>> {tt.contiguity = 1024 : i32, tt.divisibility = 16 : i32},
                  %value: tensor<1024xf16>) {
  %x = tt.load %ptrs : tensor<1024x!tt.ptr<f16>>
  %y = arith.addf %x, %value : tensor<1024xf16>
  tt.store %ptrs, %y : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// So is a scalar access under a scalar mask.
// CHECK-LABEL: @scalar_access(
// CHECK-NEXT:  %[[X:.*]] = tt.load %{{[^,]+}}, %[[FLAG:[^,]+]] : !tt.ptr<f16>
// CHECK-NEXT:  tt.store %{{[^,]+}}, %[[X]], %[[FLAG]] : !tt.ptr<f16>
// CHECK-NEXT:  tt.return
tt.func @scalar_access(%pointer: !tt.ptr<f16>, %flag: i1) {
  %x = tt.load %pointer, %flag : !tt.ptr<f16>
  tt.store %pointer, %x, %flag : !tt.ptr<f16>
  tt.return
}

// -----

// A declaration has nothing to version.
// CHECK:       tt.func private @declared(tensor<1024xi1>)
tt.func private @declared(tensor<1024xi1>)

// -----

// An empty module stays empty.
// CHECK:       module {
// CHECK-NEXT:  }
module {
}
