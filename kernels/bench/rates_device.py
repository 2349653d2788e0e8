"""Triton loops that do one kind of work only, so that the rate of a device at it can be timed; needs Triton to import.

May import triton only.
"""

# Kernels are compiled by Triton, which has types of its own.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, valid-type"

import triton
import triton.language as tl


@triton.jit
def matrix_rate_kernel(
    a_ptr, b_ptr, out_ptr, rounds, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, INNER: tl.constexpr
):
    """Multiply a (BLOCK_M, INNER) by a (INNER, BLOCK_N) block again and again; the operands never leave the chip."""
    rows, columns, inner = tl.arange(0, BLOCK_M), tl.arange(0, BLOCK_N), tl.arange(0, INNER)
    a = tl.load(a_ptr + rows[:, None] * INNER + inner[None, :])
    b = tl.load(b_ptr + inner[:, None] * BLOCK_N + columns[None, :])
    # Two sums, so that one product does not wait for the one before; from different starts, so that they stay two.
    first = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
    second = tl.full([BLOCK_M, BLOCK_N], 1.0, tl.float32)
    for _ in tl.range(0, rounds):
        first = tl.dot(a, b, first, input_precision="ieee")
        second = tl.dot(a, b, second, input_precision="ieee")
    out = out_ptr + tl.program_id(0) * (BLOCK_M * BLOCK_N)
    tl.store(out + rows[:, None] * BLOCK_N + columns[None, :], first + second)


@triton.jit
def exponential_rate_kernel(x_ptr, out_ptr, rounds, BLOCK: tl.constexpr):
    """Take exp2(-x) of a block again and again, eight times a round: it settles at 0.641."""
    offsets = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offsets)
    for _ in tl.range(0, rounds):
        for _ in tl.static_range(8):
            x = tl.exp2(-x)
    tl.store(out_ptr + tl.program_id(0) * BLOCK + offsets, x)


@triton.jit
def vector_rate_kernel(x_ptr, out_ptr, rounds, factor, addend, BLOCK: tl.constexpr):
    """Multiply and add a block of float32 again and again, eight times a round."""
    offsets = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offsets)
    for _ in tl.range(0, rounds):
        for _ in tl.static_range(8):
            x = x * factor + addend
    tl.store(out_ptr + tl.program_id(0) * BLOCK + offsets, x)
