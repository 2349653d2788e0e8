"""The forward kernels of ``focused_attention``: dense layers, the first that selects, and layers over survivors.

Shapes and names as in ``triton_device``; T keys that survived so far, KEPT keys kept. May import triton and its
neighbours.
"""

# Kernels are compiled by Triton, which has types of its own.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, valid-type"

import triton
import triton.language as tl

from kernels.focused_attention.triton_device import (
    FIELDS,
    FLOOR,
    biased,
    key_offsets,
    largest,
    row_offsets,
    row_products,
)


@triton.jit
def _pair(heads, program_blocks):
    """Return the pair of a program, its window and its head; offsets of pairs pass 2^31 for a large image."""
    pair = tl.program_id(0) // program_blocks
    return pair.to(tl.int64), pair // heads, pair % heads


@triton.jit
def _entry(layers_ptr, layer, number):
    return tl.load(layers_ptr + layer * FIELDS + number)


@triton.jit
def _carried_step(
    scores, carried, layers_ptr, layer, pair, rows, keys, window, head, TOKENS: tl.constexpr, SIZE: tl.constexpr
):
    """Multiply the carried values (rows, keys) by one earlier layer's softmax and renormalise, with its caches."""
    table_ptr = _entry(layers_ptr, layer, 2).to(tl.pointer_type(tl.float32)) + head * _entry(layers_ptr, layer, 3)
    regions_ptr = _entry(layers_ptr, layer, 4).to(tl.pointer_type(tl.int8))
    region_rows = _entry(layers_ptr, layer, 5).to(tl.int32)
    log_sum_ptr = _entry(layers_ptr, layer, 6).to(tl.pointer_type(tl.float32))
    norm_ptr = _entry(layers_ptr, layer, 7).to(tl.pointer_type(tl.float32))
    scale_log2 = _entry(layers_ptr, layer, 8).to(tl.int32).to(tl.float32, bitcast=True)
    scores = biased(scores * scale_log2, rows, keys, table_ptr, regions_ptr, window, region_rows, TOKENS, SIZE)
    # A factor log2(e): the state keeps natural logarithms.
    log_sum = tl.load(log_sum_ptr + pair * TOKENS + rows, mask=rows < TOKENS, other=0.0) * 1.4426950408889634
    norm = tl.load(norm_ptr + pair * TOKENS + rows, mask=rows < TOKENS, other=1.0)
    # The first layer's map is its softmax itself: its floor is 0 and its norm 1.
    floor = _entry(layers_ptr, layer, 9).to(tl.int32).to(tl.float32, bitcast=True)
    return (tl.exp2(scores - log_sum[:, None]) * carried + floor) * (1.0 / norm)[:, None]


@triton.jit
def focused_dense_fwd_kernel(
    q_ptr,
    k_ptr,
    v_ptr,
    table_ptr,
    regions_ptr,
    layers_ptr,
    out_ptr,
    log_sum_ptr,
    norm_ptr,
    heads,
    table_stride,
    region_rows,
    previous,
    scale_log2,
    TOKENS: tl.constexpr,
    SIZE: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    ROW: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    CHUNK: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Attend to all keys, weighted by the carried values where there are layers before; keep log-sum-exp and norm.

    ``previous`` layers are described at ``layers_ptr``, which is None where there are none.
    """
    pair, window, head = _pair(heads, (TOKENS + BLOCK_M - 1) // BLOCK_M)
    rows = (tl.program_id(0) % ((TOKENS + BLOCK_M - 1) // BLOCK_M)) * BLOCK_M + tl.arange(0, BLOCK_M)
    columns = tl.arange(0, BLOCK_D)
    first = pair * TOKENS
    q_base, k_base = q_ptr + first * ROW, k_ptr + first * ROW
    running_max = tl.full((BLOCK_M,), float("-inf"), tl.float32)
    running_sum = tl.zeros((BLOCK_M,), tl.float32)
    summed = tl.zeros((BLOCK_M, BLOCK_D), tl.float32)
    # With layers before: the sum of the products of softmax and carried values, the largest of them, the sum of v.
    carried_sum = tl.zeros((BLOCK_M,), tl.float32)
    peak = tl.full((BLOCK_M,), 1e-30, tl.float32)
    values_sum = tl.zeros((BLOCK_D,), tl.float32)
    for start in range(0, TOKENS, BLOCK_N):
        keys = start + tl.arange(0, BLOCK_N)
        scores = row_products(q_base, k_base, rows, keys, TOKENS, ROW, ROW, CHUNK, PRECISION) * scale_log2
        scores = biased(
            scores, rows, keys, table_ptr + head * table_stride, regions_ptr, window, region_rows, TOKENS, SIZE
        )
        new_max = tl.maximum(running_max, tl.max(scores, axis=1))
        weights = tl.exp2(scores - new_max[:, None])
        shrink = tl.exp2(running_max - new_max)
        running_sum = running_sum * shrink + tl.sum(weights, axis=1)
        running_max = new_max
        mask = (keys < TOKENS)[:, None] & (columns < ROW)[None, :]
        v = tl.load(v_ptr + first * ROW + keys[:, None] * ROW + columns[None, :], mask=mask, other=0.0)
        if layers_ptr is not None:
            carried = tl.full((BLOCK_M, BLOCK_N), 1.0, tl.float32)
            for layer in range(previous):
                own_q = _entry(layers_ptr, layer, 0).to(tl.pointer_type(q_ptr.dtype.element_ty)) + first * ROW
                own_k = _entry(layers_ptr, layer, 1).to(tl.pointer_type(q_ptr.dtype.element_ty)) + first * ROW
                # Rows begin at a multiple of 16 bytes.
                own_q, own_k = tl.multiple_of(own_q, 16), tl.multiple_of(own_k, 16)
                before = row_products(own_q, own_k, rows, keys, TOKENS, ROW, ROW, CHUNK, PRECISION)
                carried = _carried_step(
                    before, carried, layers_ptr, layer, pair, rows, keys, window, head, TOKENS, SIZE
                )
            weights = weights * carried
            carried_sum = carried_sum * shrink + tl.sum(weights, axis=1)
            # Products of several layers pass below the smallest number in half precision: they are scaled by their
            # largest so far. What stays below 1e-30 vanishes beside the floor.
            new_peak = tl.maximum(peak * shrink, tl.max(weights, axis=1))
            new_peak = tl.maximum(new_peak, 1e-30)
            weights = weights * (1.0 / new_peak)[:, None]
            shrink = shrink * (peak / new_peak)
            peak = new_peak
            values_sum += tl.sum(v.to(tl.float32), axis=0)
        summed = tl.dot(weights.to(v.dtype), v, summed * shrink[:, None], input_precision=PRECISION)
    out = summed / running_sum[:, None]
    norm = tl.full((BLOCK_M,), 1.0, tl.float32)
    if layers_ptr is not None:
        # Each of the N products has the floor added, and their sum once more.
        norm = carried_sum / running_sum + (TOKENS + 1) * FLOOR
        out = (out * peak[:, None] + FLOOR * values_sum[None, :]) / norm[:, None]
    inside = (rows < TOKENS)[:, None] & (columns < HEAD_DIM)[None, :]
    out_offsets = rows[:, None] * HEAD_DIM + columns[None, :]
    tl.store(out_ptr + first * HEAD_DIM + out_offsets, out.to(out_ptr.dtype.element_ty), mask=inside)
    # A factor ln(2).
    log_sum = (running_max + tl.log2(running_sum)) * 0.6931471805599453
    tl.store(log_sum_ptr + first + rows, log_sum, mask=rows < TOKENS)
    tl.store(norm_ptr + first + rows, norm, mask=rows < TOKENS)


@triton.jit
def _row_scores(q_base, k_base, rows, keys, TOKENS: tl.constexpr, ROW: tl.constexpr, HEAD_DIM: tl.constexpr):
    """Return the products (rows, keys) of q (N, ROW) and k transposed, (HEAD_DIM, N), one column at a time."""
    scores = tl.zeros((rows.shape[0], keys.shape[0]), tl.float32)
    for column in range(HEAD_DIM):
        q = tl.load(q_base + rows * ROW + column, mask=rows < TOKENS, other=0.0).to(tl.float32)
        k = tl.load(k_base + column * TOKENS + keys, mask=keys < TOKENS, other=0.0).to(tl.float32)
        scores += q[:, None] * k[None, :]
    return scores


@triton.jit
def focused_select_fwd_kernel(
    q_ptr,
    k_ptr,
    v_ptr,
    table_ptr,
    regions_ptr,
    layers_ptr,
    out_ptr,
    log_sum_ptr,
    norm_ptr,
    values_ptr,
    indices_ptr,
    heads,
    table_stride,
    region_rows,
    previous,
    scale_log2,
    KEPT: tl.constexpr,
    TOKENS: tl.constexpr,
    SIZE: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    ROW: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """Attend to all keys as a dense layer does, keep the KEPT largest of each row and sum their rows of v.

    k and v, here and in the layers before, are transposed: (D, N). BLOCK_N covers all keys.
    """
    pair, window, head = _pair(heads, (TOKENS + BLOCK_M - 1) // BLOCK_M)
    rows = (tl.program_id(0) % ((TOKENS + BLOCK_M - 1) // BLOCK_M)) * BLOCK_M + tl.arange(0, BLOCK_M)
    keys = tl.arange(0, BLOCK_N)
    first = pair * TOKENS
    carried = tl.full((BLOCK_M, BLOCK_N), 1.0, tl.float32)
    if layers_ptr is not None:
        for layer in range(previous):
            q_base = _entry(layers_ptr, layer, 0).to(tl.pointer_type(q_ptr.dtype.element_ty)) + first * ROW
            k_base = _entry(layers_ptr, layer, 1).to(tl.pointer_type(q_ptr.dtype.element_ty)) + first * HEAD_DIM
            before = _row_scores(q_base, k_base, rows, keys, TOKENS, ROW, HEAD_DIM)
            carried = _carried_step(before, carried, layers_ptr, layer, pair, rows, keys, window, head, TOKENS, SIZE)
    scores = _row_scores(q_ptr + first * ROW, k_ptr + first * HEAD_DIM, rows, keys, TOKENS, ROW, HEAD_DIM) * scale_log2
    scores = biased(scores, rows, keys, table_ptr + head * table_stride, regions_ptr, window, region_rows, TOKENS, SIZE)
    highest = tl.max(scores, axis=1)
    attention = tl.exp2(scores - highest[:, None])
    total = tl.sum(attention, axis=1)
    attention = attention * (1.0 / total)[:, None]
    norm = tl.full((BLOCK_M,), 1.0, tl.float32)
    if layers_ptr is not None:
        attention = tl.where((keys < TOKENS)[None, :], attention * carried + FLOOR, 0.0)
        norm = tl.sum(attention, axis=1) + FLOOR
        attention = attention * (1.0 / norm)[:, None]
    tl.store(log_sum_ptr + first + rows, (highest + tl.log2(total)) * 0.6931471805599453, mask=rows < TOKENS)
    tl.store(norm_ptr + first + rows, norm, mask=rows < TOKENS)
    inside = (keys < TOKENS)[None, :] & (rows < TOKENS)[:, None]
    kept, place = largest(attention, (keys < TOKENS)[None, :], KEPT)
    targets = rows[:, None] * KEPT + place
    tl.store(values_ptr + first * KEPT + targets, attention, mask=kept & inside)
    own_keys = tl.broadcast_to(keys[None, :], (BLOCK_M, BLOCK_N)).to(tl.int16)
    tl.store(indices_ptr + first * KEPT + targets, own_keys, mask=kept & inside)
    attention = tl.where(kept, attention, 0.0)
    for column in range(HEAD_DIM):
        v = tl.load(v_ptr + first * HEAD_DIM + column * TOKENS + keys, mask=keys < TOKENS, other=0.0).to(tl.float32)
        out = tl.sum(attention * v[None, :], axis=1)
        tl.store(out_ptr + (first + rows) * HEAD_DIM + column, out.to(out_ptr.dtype.element_ty), mask=rows < TOKENS)


@triton.jit
def survivor_scores(
    q_base,
    k_base,
    table_ptr,
    rows,
    keys,
    inside,
    scale_log2,
    SIZE: tl.constexpr,
    ROW: tl.constexpr,
):
    """Return the biased scores (rows, T) of each query with its own keys; minus infinity where not ``inside``."""
    scores = tl.zeros(keys.shape, tl.float32)
    # Eight numbers at once: 16 bytes in half precision, the widest load.
    for start in range(0, ROW, 8):
        columns = start + tl.arange(0, 8)
        k = tl.load(k_base + keys[:, :, None] * ROW + columns[None, None, :], mask=inside[:, :, None], other=0.0).to(
            tl.float32
        )
        q = tl.load(q_base + rows[:, None] * ROW + columns[None, :]).to(tl.float32)
        scores += tl.sum(k * q[:, None, :], axis=2)
    bias = tl.load(table_ptr + row_offsets(rows, SIZE)[:, None] + key_offsets(keys, SIZE), mask=inside, other=0.0)
    return tl.where(inside, scores * scale_log2 + bias, float("-inf"))


@triton.jit
def focused_sparse_fwd_kernel(
    q_ptr,
    k_ptr,
    v_ptr,
    table_ptr,
    values_ptr,
    indices_ptr,
    out_ptr,
    new_values_ptr,
    new_indices_ptr,
    places_ptr,
    heads,
    table_stride,
    scale_log2,
    SURVIVORS: tl.constexpr,
    KEPT: tl.constexpr,
    TOKENS: tl.constexpr,
    SIZE: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    ROW: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_T: tl.constexpr,
):
    """Score the surviving keys only, multiply by the carried values, keep the KEPT largest, sum their rows of v.

    ``places_ptr`` (N, T) int16, where not None, receives each survivor's place among the kept, -1 for a dropped one.
    """
    pair, _, head = _pair(heads, (TOKENS + BLOCK_M - 1) // BLOCK_M)
    # Rows beyond the window repeat its last one: they read what is there and write the same again.
    rows = (tl.program_id(0) % ((TOKENS + BLOCK_M - 1) // BLOCK_M)) * BLOCK_M + tl.arange(0, BLOCK_M)
    rows = tl.minimum(rows, TOKENS - 1)
    slots = tl.arange(0, BLOCK_T)
    first = pair * TOKENS
    inside = tl.broadcast_to((slots < SURVIVORS)[None, :], (BLOCK_M, BLOCK_T))
    sources = first * SURVIVORS + rows[:, None] * SURVIVORS + slots[None, :]
    keys = tl.load(indices_ptr + sources, mask=inside, other=0).to(tl.int32)
    scores = survivor_scores(
        q_ptr + first * ROW,
        k_ptr + first * ROW,
        table_ptr + head * table_stride,
        rows,
        keys,
        inside,
        scale_log2,
        SIZE,
        ROW,
    )
    attention = tl.exp2(scores - tl.max(scores, axis=1)[:, None])
    attention = attention * (1.0 / tl.sum(attention, axis=1))[:, None]
    carried = tl.load(values_ptr + sources, mask=inside, other=0.0)
    attention = tl.where(inside, attention * carried + FLOOR, 0.0)
    attention = attention * (1.0 / (tl.sum(attention, axis=1) + FLOOR))[:, None]
    kept = inside
    place = tl.broadcast_to(slots[None, :], (BLOCK_M, BLOCK_T))
    if KEPT < SURVIVORS:
        kept, place = largest(attention, inside, KEPT)
    if places_ptr is not None:
        tl.store(places_ptr + sources, tl.where(kept, place, -1).to(tl.int16), mask=inside)
    targets = first * KEPT + rows[:, None] * KEPT + place
    tl.store(new_values_ptr + targets, attention, mask=kept)
    tl.store(new_indices_ptr + targets, keys.to(tl.int16), mask=kept)
    attention = tl.where(kept, attention, 0.0)
    for start in range(0, ROW, 8):
        columns = start + tl.arange(0, 8)
        v = tl.load(
            v_ptr + first * ROW + keys[:, :, None] * ROW + columns[None, None, :], mask=kept[:, :, None], other=0.0
        ).to(tl.float32)
        out = tl.sum(attention[:, :, None] * v, axis=1)
        tl.store(
            out_ptr + (first + rows)[:, None] * HEAD_DIM + columns[None, :],
            out.to(out_ptr.dtype.element_ty),
            mask=tl.broadcast_to((columns < HEAD_DIM)[None, :], (BLOCK_M, 8)),
        )
