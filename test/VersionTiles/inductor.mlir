// RUN: graft-opt %s -graft-version-tiles -common-cse -split-input-file | FileCheck %s
// RUN: graft-opt %s -graft-version-tiles -split-input-file -verify-diagnostics

// What torch.compile makes of an elementwise operation: the load and the store share a branch.
// CHECK-LABEL: @pointwise(
// CHECK-SAME:  %[[XNUMEL:arg[0-9]+]]: i32)
// CHECK:       %[[XOFFSET:.*]] = arith.muli
// CHECK:       %[[XMASK:.*]] = arith.cmpi slt, %{{.*}} : tensor<1024xi32>
// CHECK:       %[[LAST:.*]] = arith.addi %[[XOFFSET]], %{{.*}} : i32
// CHECK-DAG:   arith.cmpi sge, %[[LAST]], %[[XOFFSET]] : i32
// CHECK-DAG:   arith.cmpi slt, %[[LAST]], %[[XNUMEL]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    %[[TMP0:.*]] = tt.load %{{[^,]+}} : tensor
// CHECK:         tt.store %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       } else {
// CHECK-NEXT:    tt.load %{{[^,]+}}, %[[XMASK]] : tensor
// CHECK:         tt.store %{{[^,]+}}, %{{[^,]+}}, %[[XMASK]] : tensor
tt.func public @pointwise(%in_ptr0: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %out_ptr0: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %xnumel: i32) {
  %XBLOCK = arith.constant 1024 : i32
  %program = tt.get_program_id x : i32
  %xoffset = arith.muli %program, %XBLOCK : i32
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %xoffsets = tt.splat %xoffset : i32 -> tensor<1024xi32>
  %xindex = arith.addi %xoffsets, %range : tensor<1024xi32>
  %xnumels = tt.splat %xnumel : i32 -> tensor<1024xi32>
  %xmask = arith.cmpi slt, %xindex, %xnumels : tensor<1024xi32>
  %ins = tt.splat %in_ptr0 : !tt.ptr<f16> -> tensor<1024x!tt.ptr<f16>>
  %in_ptrs = tt.addptr %ins, %xindex : tensor<1024x!tt.ptr<f16>>, tensor<1024xi32>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  %tmp0 = tt.load %in_ptrs, %xmask : tensor<1024x!tt.ptr<f16>>
  %tmp1 = arith.addf %tmp0, %tmp0 : tensor<1024xf16>
  %outs = tt.splat %out_ptr0 : !tt.ptr<f16> -> tensor<1024x!tt.ptr<f16>>
  %out_ptrs = tt.addptr %outs, %xindex : tensor<1024x!tt.ptr<f16>>, tensor<1024xi32>
  tt.store %out_ptrs, %tmp1, %xmask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// A size that is a multiple of 16 needs none.
// CHECK-LABEL: @pointwise_divisible(
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{[^,]+}}, %{{[^,]+}}, %{{[^,]+}} : tensor
// CHECK:       tt.return
tt.func public @pointwise_divisible(%in_ptr0: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %out_ptr0: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %xnumel: i32 {tt.divisibility = 16 : i32}) {
  %XBLOCK = arith.constant 1024 : i32
  %program = tt.get_program_id x : i32
  %xoffset = arith.muli %program, %XBLOCK : i32
  %range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %xoffsets = tt.splat %xoffset : i32 -> tensor<1024xi32>
  %xindex = arith.addi %xoffsets, %range : tensor<1024xi32>
  %xnumels = tt.splat %xnumel : i32 -> tensor<1024xi32>
  %xmask = arith.cmpi slt, %xindex, %xnumels : tensor<1024xi32>
  %ins = tt.splat %in_ptr0 : !tt.ptr<f16> -> tensor<1024x!tt.ptr<f16>>
  %in_ptrs = tt.addptr %ins, %xindex : tensor<1024x!tt.ptr<f16>>, tensor<1024xi32>
  // expected-remark@below {{graft-version-tiles: mask kept: the access is no wider without it}}
  %tmp0 = tt.load %in_ptrs, %xmask : tensor<1024x!tt.ptr<f16>>
  %tmp1 = arith.addf %tmp0, %tmp0 : tensor<1024xf16>
  %outs = tt.splat %out_ptr0 : !tt.ptr<f16> -> tensor<1024x!tt.ptr<f16>>
  %out_ptrs = tt.addptr %outs, %xindex : tensor<1024x!tt.ptr<f16>>, tensor<1024xi32>
  // expected-remark@below {{graft-version-tiles: mask kept: the access is no wider without it}}
  tt.store %out_ptrs, %tmp1, %xmask : tensor<1024x!tt.ptr<f16>>
  tt.return
}

// -----

// Of a transposition: the load is narrowed by one bound and the store by the other, so both bounds are tested and both masks go.
// CHECK-LABEL: @tiled(
// CHECK-SAME:  %[[YNUMEL:arg[0-9]+]]: i32, %[[XNUMEL:arg[0-9]+]]: i32)
// CHECK:       %[[MASK:.*]] = arith.andi %{{.*}} : tensor<64x64xi1>
// CHECK-DAG:   arith.cmpi slt, %{{.*}}, %[[YNUMEL]] : i32
// CHECK-DAG:   arith.cmpi slt, %{{.*}}, %[[XNUMEL]] : i32
// CHECK:       scf.if
// CHECK-NEXT:    %[[TMP0:.*]] = tt.load %{{[^,]+}} {cachePolicy = {{.*}} evict_last>} : tensor
// CHECK:         tt.store %{{[^,]+}}, %[[TMP0]] : tensor
// CHECK:       } else {
// CHECK:         tt.load %{{[^,]+}}, %[[MASK]] {cachePolicy
// CHECK:         tt.store %{{[^,]+}}, %{{[^,]+}}, %[[MASK]] : tensor
tt.func public @tiled(%in_ptr0: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %out_ptr0: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %ynumel: i32, %xnumel: i32) {
  %ins_between = arith.constant dense<4096> : tensor<64x1xi32>
  %outs_between = arith.constant dense<4096> : tensor<1x64xi32>
  %BLOCK = arith.constant 64 : i32
  %row = tt.get_program_id y : i32
  %yoffset = arith.muli %row, %BLOCK : i32
  %range = tt.make_range {end = 64 : i32, start = 0 : i32} : tensor<64xi32>
  %yrange = tt.expand_dims %range {axis = 1 : i32} : tensor<64xi32> -> tensor<64x1xi32>
  %yoffsets = tt.splat %yoffset : i32 -> tensor<64x1xi32>
  %yindex = arith.addi %yoffsets, %yrange : tensor<64x1xi32>
  %ynumels = tt.splat %ynumel : i32 -> tensor<64x1xi32>
  %ymask = arith.cmpi slt, %yindex, %ynumels : tensor<64x1xi32>
  %column = tt.get_program_id x : i32
  %xoffset = arith.muli %column, %BLOCK : i32
  %xrange = tt.expand_dims %range {axis = 0 : i32} : tensor<64xi32> -> tensor<1x64xi32>
  %xoffsets = tt.splat %xoffset : i32 -> tensor<1x64xi32>
  %xindex = arith.addi %xoffsets, %xrange : tensor<1x64xi32>
  %xnumels = tt.splat %xnumel : i32 -> tensor<1x64xi32>
  %xmask = arith.cmpi slt, %xindex, %xnumels : tensor<1x64xi32>
  %in_rows = arith.muli %yindex, %ins_between : tensor<64x1xi32>
  %in_columns = tt.broadcast %xindex : tensor<1x64xi32> -> tensor<64x64xi32>
  %in_tile = tt.broadcast %in_rows : tensor<64x1xi32> -> tensor<64x64xi32>
  %in_index = arith.addi %in_columns, %in_tile : tensor<64x64xi32>
  %ins = tt.splat %in_ptr0 : !tt.ptr<f16> -> tensor<64x64x!tt.ptr<f16>>
  %in_ptrs = tt.addptr %ins, %in_index : tensor<64x64x!tt.ptr<f16>>, tensor<64x64xi32>
  %xpart = tt.broadcast %xmask : tensor<1x64xi1> -> tensor<64x64xi1>
  %ypart = tt.broadcast %ymask : tensor<64x1xi1> -> tensor<64x64xi1>
  %mask = arith.andi %xpart, %ypart : tensor<64x64xi1>
  // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
  %tmp0 = tt.load %in_ptrs, %mask {cachePolicy = #tt.cache_policy<cache_modifier = none, eviction_policy = evict_last>} : tensor<64x64x!tt.ptr<f16>>
  %out_columns = arith.muli %xindex, %outs_between : tensor<1x64xi32>
  %out_rows = tt.broadcast %yindex : tensor<64x1xi32> -> tensor<64x64xi32>
  %out_tile = tt.broadcast %out_columns : tensor<1x64xi32> -> tensor<64x64xi32>
  %out_index = arith.addi %out_rows, %out_tile : tensor<64x64xi32>
  %outs = tt.splat %out_ptr0 : !tt.ptr<f16> -> tensor<64x64x!tt.ptr<f16>>
  %out_ptrs = tt.addptr %outs, %out_index : tensor<64x64x!tt.ptr<f16>>, tensor<64x64xi32>
  tt.store %out_ptrs, %tmp0, %mask : tensor<64x64x!tt.ptr<f16>>
  tt.return
}

// -----

// Of a reduction over padded rows: in the loop the mask of columns goes, that of rows stays, and the sum is still selected by both.
// CHECK-LABEL: @reduction(
// CHECK-SAME:  %{{.*}}: i32, %[[R0_NUMEL:arg[0-9]+]]: i32)
// CHECK-NOT:   scf.if
// CHECK:       scf.for %[[R0_OFFSET:.*]] = %{{.*}} iter_args(%[[SUM:.*]] = %{{.*}})
// CHECK:       %[[XMASK:.*]] = tt.broadcast %{{.*}} : tensor<8x1xi1>
// CHECK:       %[[MASK:.*]] = arith.andi %{{.*}}, %[[XMASK]] : tensor<8x1024xi1>
// CHECK:       %[[LAST:.*]] = arith.addi %[[R0_OFFSET]], %{{.*}} : i32
// CHECK-DAG:   arith.cmpi slt, %[[LAST]], %[[R0_NUMEL]] : i32
// CHECK:       %[[NEXT:.*]] = scf.if
// CHECK-NEXT:    tt.load %{{[^,]+}}, %[[XMASK]], %{{[^,]+}} {cachePolicy = {{.*}} evict_first>, tt.versioned_by_graft} : tensor
// CHECK:         arith.select %[[MASK]], %{{.*}}, %[[SUM]]
// CHECK:       } else {
// CHECK-NEXT:    tt.load %{{[^,]+}}, %[[MASK]], %{{[^,]+}} {cachePolicy
// CHECK:       scf.yield %[[NEXT]]
// CHECK:       "tt.reduce"
// CHECK-NOT:   scf.if
// CHECK:       tt.store %{{[^,]+}}, %{{[^,]+}}, %{{[^,]+}} : tensor
tt.func public @reduction(%in_ptr0: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %out_ptr0: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %xnumel: i32, %r0_numel: i32) {
  %other = arith.constant dense<0.000000e+00> : tensor<8x1024xf16>
  %zeros = arith.constant dense<0.000000e+00> : tensor<8x1024xf32>
  %XBLOCK = arith.constant 8 : i32
  %R0_BLOCK = arith.constant 1024 : i32
  %zero = arith.constant 0 : i32
  %program = tt.get_program_id x : i32
  %xoffset = arith.muli %program, %XBLOCK : i32
  %range = tt.make_range {end = 8 : i32, start = 0 : i32} : tensor<8xi32>
  %xrange = tt.expand_dims %range {axis = 1 : i32} : tensor<8xi32> -> tensor<8x1xi32>
  %xoffsets = tt.splat %xoffset : i32 -> tensor<8x1xi32>
  %xindex = arith.addi %xoffsets, %xrange : tensor<8x1xi32>
  %xnumels = tt.splat %xnumel : i32 -> tensor<8x1xi32>
  %xmask = arith.cmpi slt, %xindex, %xnumels : tensor<8x1xi32>
  %r0_range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %r0_base = tt.expand_dims %r0_range {axis = 0 : i32} : tensor<1024xi32> -> tensor<1x1024xi32>
  %tmp2 = scf.for %r0_offset = %zero to %r0_numel step %R0_BLOCK iter_args(%sum = %zeros) -> (tensor<8x1024xf32>) : i32 {
    %r0_offsets = tt.splat %r0_offset : i32 -> tensor<1x1024xi32>
    %r0_index = arith.addi %r0_offsets, %r0_base : tensor<1x1024xi32>
    %r0_numels = tt.splat %r0_numel : i32 -> tensor<1x1024xi32>
    %r0_mask = arith.cmpi slt, %r0_index, %r0_numels : tensor<1x1024xi32>
    %rows_between = arith.constant dense<4096> : tensor<8x1xi32>
    %row = arith.muli %xindex, %rows_between : tensor<8x1xi32>
    %columns = tt.broadcast %r0_index : tensor<1x1024xi32> -> tensor<8x1024xi32>
    %rows = tt.broadcast %row : tensor<8x1xi32> -> tensor<8x1024xi32>
    %in_index = arith.addi %columns, %rows : tensor<8x1024xi32>
    %ins = tt.splat %in_ptr0 : !tt.ptr<f16> -> tensor<8x1024x!tt.ptr<f16>>
    %in_ptrs = tt.addptr %ins, %in_index : tensor<8x1024x!tt.ptr<f16>>, tensor<8x1024xi32>
    %r0_part = tt.broadcast %r0_mask : tensor<1x1024xi1> -> tensor<8x1024xi1>
    %xpart = tt.broadcast %xmask : tensor<8x1xi1> -> tensor<8x1024xi1>
    %mask = arith.andi %r0_part, %xpart : tensor<8x1024xi1>
    // expected-remark@below {{graft-version-tiles: versioned 1 mask}}
    %tmp0 = tt.load %in_ptrs, %mask, %other {cachePolicy = #tt.cache_policy<cache_modifier = none, eviction_policy = evict_first>} : tensor<8x1024x!tt.ptr<f16>>
    %tmp1 = arith.extf %tmp0 : tensor<8x1024xf16> to tensor<8x1024xf32>
    %tmp3 = arith.addf %sum, %tmp1 : tensor<8x1024xf32>
    %next = arith.select %mask, %tmp3, %sum : tensor<8x1024xi1>, tensor<8x1024xf32>
    scf.yield %next : tensor<8x1024xf32>
  }
  %tmp4 = "tt.reduce"(%tmp2) <{axis = 1 : i32}> ({
  ^bb0(%left: f32, %right: f32):
    %both = arith.addf %left, %right : f32
    tt.reduce.return %both : f32
  }) : (tensor<8x1024xf32>) -> tensor<8xf32>
  %column = tt.expand_dims %tmp4 {axis = 1 : i32} : tensor<8xf32> -> tensor<8x1xf32>
  %outs = tt.splat %out_ptr0 : !tt.ptr<f16> -> tensor<8x1x!tt.ptr<f16>>
  %out_ptrs = tt.addptr %outs, %xindex : tensor<8x1x!tt.ptr<f16>>, tensor<8x1xi32>
  %result = arith.truncf %column : tensor<8x1xf32> to tensor<8x1xf16>
  // expected-remark@below {{graft-version-tiles: mask kept: the access is no wider without it}}
  tt.store %out_ptrs, %result, %xmask : tensor<8x1x!tt.ptr<f16>>
  tt.return
}

// -----

// Rows that lie next to each other begin anywhere if their length is odd: no access of them is wide.
// CHECK-LABEL: @reduction_of_odd_rows(
// CHECK-NOT:   scf.if
// CHECK:       tt.load %{{[^,]+}}, %{{[^,]+}}, %{{[^,]+}} {cachePolicy
// CHECK-NOT:   scf.if
// CHECK:       tt.return
tt.func public @reduction_of_odd_rows(%in_ptr0: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %out_ptr0: !tt.ptr<f16> {tt.divisibility = 16 : i32}, %xnumel: i32, %r0_numel: i32) {
  %other = arith.constant dense<0.000000e+00> : tensor<8x1024xf16>
  %zeros = arith.constant dense<0.000000e+00> : tensor<8x1024xf32>
  %XBLOCK = arith.constant 8 : i32
  %R0_BLOCK = arith.constant 1024 : i32
  %zero = arith.constant 0 : i32
  %program = tt.get_program_id x : i32
  %xoffset = arith.muli %program, %XBLOCK : i32
  %range = tt.make_range {end = 8 : i32, start = 0 : i32} : tensor<8xi32>
  %xrange = tt.expand_dims %range {axis = 1 : i32} : tensor<8xi32> -> tensor<8x1xi32>
  %xoffsets = tt.splat %xoffset : i32 -> tensor<8x1xi32>
  %xindex = arith.addi %xoffsets, %xrange : tensor<8x1xi32>
  %xnumels = tt.splat %xnumel : i32 -> tensor<8x1xi32>
  %xmask = arith.cmpi slt, %xindex, %xnumels : tensor<8x1xi32>
  %r0_range = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>
  %r0_base = tt.expand_dims %r0_range {axis = 0 : i32} : tensor<1024xi32> -> tensor<1x1024xi32>
  %tmp2 = scf.for %r0_offset = %zero to %r0_numel step %R0_BLOCK iter_args(%sum = %zeros) -> (tensor<8x1024xf32>) : i32 {
    %r0_offsets = tt.splat %r0_offset : i32 -> tensor<1x1024xi32>
    %r0_index = arith.addi %r0_offsets, %r0_base : tensor<1x1024xi32>
    %r0_numels = tt.splat %r0_numel : i32 -> tensor<1x1024xi32>
    %r0_mask = arith.cmpi slt, %r0_index, %r0_numels : tensor<1x1024xi32>
    %rows_between = tt.splat %r0_numel : i32 -> tensor<8x1xi32>
    %row = arith.muli %xindex, %rows_between : tensor<8x1xi32>
    %columns = tt.broadcast %r0_index : tensor<1x1024xi32> -> tensor<8x1024xi32>
    %rows = tt.broadcast %row : tensor<8x1xi32> -> tensor<8x1024xi32>
    %in_index = arith.addi %columns, %rows : tensor<8x1024xi32>
    %ins = tt.splat %in_ptr0 : !tt.ptr<f16> -> tensor<8x1024x!tt.ptr<f16>>
    %in_ptrs = tt.addptr %ins, %in_index : tensor<8x1024x!tt.ptr<f16>>, tensor<8x1024xi32>
    %r0_part = tt.broadcast %r0_mask : tensor<1x1024xi1> -> tensor<8x1024xi1>
    %xpart = tt.broadcast %xmask : tensor<8x1xi1> -> tensor<8x1024xi1>
    %mask = arith.andi %r0_part, %xpart : tensor<8x1024xi1>
    // expected-remark@below {{graft-version-tiles: mask kept: the access is no wider without it}}
    %tmp0 = tt.load %in_ptrs, %mask, %other {cachePolicy = #tt.cache_policy<cache_modifier = none, eviction_policy = evict_first>} : tensor<8x1024x!tt.ptr<f16>>
    %tmp1 = arith.extf %tmp0 : tensor<8x1024xf16> to tensor<8x1024xf32>
    %tmp3 = arith.addf %sum, %tmp1 : tensor<8x1024xf32>
    %next = arith.select %mask, %tmp3, %sum : tensor<8x1024xi1>, tensor<8x1024xf32>
    scf.yield %next : tensor<8x1024xf32>
  }
  %tmp4 = "tt.reduce"(%tmp2) <{axis = 1 : i32}> ({
  ^bb0(%left: f32, %right: f32):
    %both = arith.addf %left, %right : f32
    tt.reduce.return %both : f32
  }) : (tensor<8x1024xf32>) -> tensor<8xf32>
  %column = tt.expand_dims %tmp4 {axis = 1 : i32} : tensor<8xf32> -> tensor<8x1xf32>
  %outs = tt.splat %out_ptr0 : !tt.ptr<f16> -> tensor<8x1x!tt.ptr<f16>>
  %out_ptrs = tt.addptr %outs, %xindex : tensor<8x1x!tt.ptr<f16>>, tensor<8x1xi32>
  %result = arith.truncf %column : tensor<8x1xf32> to tensor<8x1xf16>
  // expected-remark@below {{graft-version-tiles: mask kept: the access is no wider without it}}
  tt.store %out_ptrs, %result, %xmask : tensor<8x1x!tt.ptr<f16>>
  tt.return
}
