# SPDX-License-Identifier: MIT
"""The list of all examples."""

import attention
import layer_norm
import matmul
import softmax
import vector_add

EXAMPLES = tuple(module.EXAMPLE for module in (vector_add, softmax, layer_norm, matmul, attention))
