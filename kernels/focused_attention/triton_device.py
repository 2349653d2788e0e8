"""What the Triton kernels of ``focused_attention`` share: offsets into the bias table, scores, the choice of the largest.

Shapes: W windows, H heads, N tokens of a window, D head dimension (rows of q, k and v are padded with zeros to ROW, a
multiple of 8). A pair is one window and head, of W*H. Scores are in powers of two: logits times log2(e), the table too.
May import triton only.
"""

# Kernels are compiled by Triton, which has types of its own.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, valid-type"

import triton
import triton.language as tl

# Added to every product of the carried values, and again to their sum: state.FLOOR.
FLOOR = tl.constexpr(1e-20)
# What pairs of tokens of different regions lose, in powers of two: 100 * log2(e).
PENALTY = tl.constexpr(144.26950408889634)
# Numbers that describe a dense layer to a kernel that goes through all of them: see ``_layer_table`` in triton_kernels.
FIELDS = tl.constexpr(10)


@triton.jit
def load_rows(base, rows, columns, TOKENS: tl.constexpr, ROW: tl.constexpr):
    """Load some columns of some rows (N, ROW), zeros beyond both."""
    mask = (rows < TOKENS)[:, None] & (columns < ROW)[None, :]
    return tl.load(base + rows[:, None] * ROW + columns[None, :], mask=mask, other=0.0)


@triton.jit
def row_products(
    q_base,
    k_base,
    rows,
    keys,
    TOKENS: tl.constexpr,
    Q_ROW: tl.constexpr,
    K_ROW: tl.constexpr,
    CHUNK: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Return the products (rows, keys) of rows of q and k, CHUNK columns at a time; Q_ROW may be the unpadded width."""
    products = tl.zeros((rows.shape[0], keys.shape[0]), tl.float32)
    for start in range(0, Q_ROW, CHUNK):
        columns = start + tl.arange(0, CHUNK)
        q = load_rows(q_base, rows, columns, TOKENS, Q_ROW)
        k = load_rows(k_base, keys, columns, TOKENS, K_ROW)
        products = tl.dot(q, tl.trans(k), products, input_precision=PRECISION)
    return products


@triton.jit
def row_offsets(rows, SIZE: tl.constexpr):
    """Return what each query adds to the index of the bias table."""
    return (SIZE - 1 - rows // SIZE) * (2 * SIZE - 1) + SIZE - 1 - rows % SIZE


@triton.jit
def key_offsets(keys, SIZE: tl.constexpr):
    """Return what each key adds to the index of the bias table."""
    return (keys // SIZE) * (2 * SIZE - 1) + keys % SIZE


@triton.jit
def biased(
    scores,
    rows,
    keys,
    table_ptr,
    regions_ptr,
    window,
    region_rows,
    TOKENS: tl.constexpr,
    SIZE: tl.constexpr,
):
    """Add bias and region penalty to scores (rows, keys); keys beyond the window get minus infinity.

    ``table_ptr`` is the head's table, ``region_rows`` 0 where there are no regions.
    """
    inside = (rows < TOKENS)[:, None] & (keys < TOKENS)[None, :]
    offsets = row_offsets(rows, SIZE)[:, None] + key_offsets(keys, SIZE)[None, :]
    scores += tl.load(table_ptr + offsets, mask=inside, other=0.0)
    if regions_ptr is not None:
        labels_ptr = regions_ptr + (window % tl.maximum(region_rows, 1)) * TOKENS
        labels = tl.minimum(region_rows, 1) * TOKENS
        own = tl.load(labels_ptr + rows, mask=rows < labels, other=0)
        other = tl.load(labels_ptr + keys, mask=keys < labels, other=0)
        scores = tl.where(own[:, None] != other[None, :], scores - PENALTY, scores)
    return tl.where((keys < TOKENS)[None, :], scores, float("-inf"))


@triton.jit
def largest(values, inside, KEPT: tl.constexpr):
    """Choose the KEPT largest of each row of values (rows, keys), none negative; equal ones go to the lower key.

    Returns which are kept and the place of each among them. ``inside`` marks the entries that count, at least KEPT a
    row. The bits of floats that are not negative order as integers: the threshold is built from the highest bit down,
    until exactly KEPT reach it in every row.
    """
    # What is not a number counts as the largest, whatever its sign: above the highest threshold it would be kept beyond KEPT.
    bits = tl.minimum(values.to(tl.uint32, bitcast=True), 0x3FFFFFFF).to(tl.int32, bitcast=True)
    bits = tl.where(inside, bits, -1)
    # (rows,); sums of a softmax stay below 2, so bit 30 is never set.
    threshold = tl.max(bits, axis=1) * 0
    decided = threshold
    bit = 29
    undecided = 1
    while (bit >= 0) & (undecided > 0):
        candidate = threshold | (1 << bit)
        reached = tl.sum((bits >= candidate[:, None]).to(tl.int32), axis=1)
        threshold = tl.where(reached >= KEPT, candidate, threshold)
        # Exactly KEPT reach it: a higher threshold can only be reached by the same ones.
        decided = decided | (reached == KEPT).to(tl.int32)
        undecided = 1 - tl.min(decided, axis=0)
        bit -= 1
    above = (bits > threshold[:, None]).to(tl.int32)
    equal = (bits == threshold[:, None]).to(tl.int32)
    # One running sum counts both: those above in the upper half, those equal in the lower.
    ranks = tl.cumsum(above * 65536 + equal, axis=1)
    spare = KEPT - tl.sum(above, axis=1)[:, None]
    equal_rank = ranks & 0xFFFF
    kept = (above > 0) | ((equal > 0) & (equal_rank <= spare))
    return kept, (ranks >> 16) + tl.minimum(equal_rank, spare) - 1
