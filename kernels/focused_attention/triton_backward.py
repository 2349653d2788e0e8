"""The backward kernels of ``focused_attention``.

Gradients go through maps (pairs, N, N) in float32 of a few windows at a time: every row of a map is written by one
program, and every gradient of a key, a query or the table is a sum over a map that one program takes in a fixed order.
So no two programs add to one place, and two runs give equal bits. Names as in ``triton_device``; the pairs of a
launch begin at ``first_pair``, its maps at 0. May import triton and its neighbours.
"""

# Kernels are compiled by Triton, which has types of its own.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, valid-type"

import triton
import triton.language as tl

from kernels.focused_attention.triton_device import FLOOR, biased, load_rows, row_products
from kernels.focused_attention.triton_forward import survivor_scores


@triton.jit
def _softmax_tile(
    q_base,
    k_base,
    table_ptr,
    regions_ptr,
    log_sum,
    rows,
    keys,
    window,
    region_rows,
    scale_log2,
    TOKENS: tl.constexpr,
    SIZE: tl.constexpr,
    ROW: tl.constexpr,
    CHUNK: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Return a tile of a dense layer's softmax, from its cached log-sum-exp in powers of two."""
    scores = row_products(q_base, k_base, rows, keys, TOKENS, ROW, ROW, CHUNK, PRECISION) * scale_log2
    scores = biased(scores, rows, keys, table_ptr, regions_ptr, window, region_rows, TOKENS, SIZE)
    return tl.exp2(scores - log_sum[:, None])


@triton.jit
def focused_map_kernel(
    q_ptr,
    k_ptr,
    table_ptr,
    regions_ptr,
    log_sum_ptr,
    norm_ptr,
    carried_ptr,
    map_ptr,
    first_pair,
    heads,
    table_stride,
    region_rows,
    scale_log2,
    TOKENS: tl.constexpr,
    SIZE: tl.constexpr,
    ROW: tl.constexpr,
    CHUNK: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Write the map of a dense layer, its softmax times the carried map (None for a first layer), renormalised."""
    row_blocks: tl.constexpr = (TOKENS + BLOCK_M - 1) // BLOCK_M
    slot = (tl.program_id(0) // row_blocks).to(tl.int64)
    pair = slot + first_pair
    window, head = (pair // heads).to(tl.int32), (pair % heads).to(tl.int32)
    rows = (tl.program_id(0) % row_blocks) * BLOCK_M + tl.arange(0, BLOCK_M)
    first = pair * TOKENS
    log_sum = tl.load(log_sum_ptr + first + rows, mask=rows < TOKENS, other=0.0) * 1.4426950408889634
    inverse_norm = 1.0 / tl.load(norm_ptr + first + rows, mask=rows < TOKENS, other=1.0)
    for start in range(0, TOKENS, BLOCK_N):
        keys = start + tl.arange(0, BLOCK_N)
        values = _softmax_tile(
            q_ptr + first * ROW,
            k_ptr + first * ROW,
            table_ptr + head * table_stride,
            regions_ptr,
            log_sum,
            rows,
            keys,
            window,
            region_rows,
            scale_log2,
            TOKENS,
            SIZE,
            ROW,
            CHUNK,
            PRECISION,
        )
        inside = (rows < TOKENS)[:, None] & (keys < TOKENS)[None, :]
        offsets = slot * TOKENS * TOKENS + rows[:, None] * TOKENS + keys[None, :]
        if carried_ptr is not None:
            carried = tl.load(carried_ptr + offsets, mask=inside, other=0.0)
            values = (values * carried + FLOOR) * inverse_norm[:, None]
        tl.store(map_ptr + offsets, values, mask=inside)


@triton.jit
def focused_step_bwd_kernel(
    q_ptr,
    k_ptr,
    v_ptr,
    table_ptr,
    regions_ptr,
    log_sum_ptr,
    norm_ptr,
    grad_out_ptr,
    carried_ptr,
    grad_map_ptr,
    grad_scores_ptr,
    attention_ptr,
    first_pair,
    heads,
    table_stride,
    region_rows,
    scale_log2,
    TOKENS: tl.constexpr,
    SIZE: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    ROW: tl.constexpr,
    CHUNK: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Take the gradient of a dense layer's map back to its scores and to the map before.

    The gradient comes from ``grad_map_ptr``, or, where ``grad_out_ptr`` is given, is grad_out vᵀ. Written: the gradient
    of the scores; the gradient of the carried map, over ``grad_map_ptr``, where there is a carried map; the layer's own
    map, where ``attention_ptr`` is given.
    """
    row_blocks: tl.constexpr = (TOKENS + BLOCK_M - 1) // BLOCK_M
    slot = (tl.program_id(0) // row_blocks).to(tl.int64)
    pair = slot + first_pair
    window, head = (pair // heads).to(tl.int32), (pair % heads).to(tl.int32)
    rows = (tl.program_id(0) % row_blocks) * BLOCK_M + tl.arange(0, BLOCK_M)
    first = pair * TOKENS
    log_sum = tl.load(log_sum_ptr + first + rows, mask=rows < TOKENS, other=0.0) * 1.4426950408889634
    norm = tl.load(norm_ptr + first + rows, mask=rows < TOKENS, other=1.0)
    # ⟨da, p a'⟩ of each row, or ⟨da, p⟩ in a first layer; and the sum of da.
    weighted = tl.zeros((BLOCK_M,), tl.float32)
    plain = tl.zeros((BLOCK_M,), tl.float32)
    mean = tl.zeros((BLOCK_M,), tl.float32)
    softmax_mean = tl.zeros((BLOCK_M,), tl.float32)
    for step in range(2 * ((TOKENS + BLOCK_N - 1) // BLOCK_N)):
        writing = step >= (TOKENS + BLOCK_N - 1) // BLOCK_N
        keys = (step % ((TOKENS + BLOCK_N - 1) // BLOCK_N)) * BLOCK_N + tl.arange(0, BLOCK_N)
        inside = (rows < TOKENS)[:, None] & (keys < TOKENS)[None, :]
        offsets = slot * TOKENS * TOKENS + rows[:, None] * TOKENS + keys[None, :]
        softmax = _softmax_tile(
            q_ptr + first * ROW,
            k_ptr + first * ROW,
            table_ptr + head * table_stride,
            regions_ptr,
            log_sum,
            rows,
            keys,
            window,
            region_rows,
            scale_log2,
            TOKENS,
            SIZE,
            ROW,
            CHUNK,
            PRECISION,
        )
        if grad_out_ptr is not None:
            own_grad = grad_out_ptr + first * HEAD_DIM
            grad = row_products(own_grad, v_ptr + first * ROW, rows, keys, TOKENS, HEAD_DIM, ROW, CHUNK, PRECISION)
        else:
            grad = tl.load(grad_map_ptr + offsets, mask=inside, other=0.0)
        if carried_ptr is not None:
            carried = tl.load(carried_ptr + offsets, mask=inside, other=0.0)
        if writing:
            if carried_ptr is not None:
                # a = x / z with z = Σx + floor, so dx = (da - ⟨da, a⟩) / z.
                grad = (grad - mean[:, None]) / norm[:, None]
                tl.store(grad_map_ptr + offsets, grad * softmax, mask=inside)
                if attention_ptr is not None:
                    tl.store(attention_ptr + offsets, (softmax * carried + FLOOR) / norm[:, None], mask=inside)
                grad = grad * carried
            else:
                if attention_ptr is not None:
                    tl.store(attention_ptr + offsets, softmax, mask=inside)
            tl.store(grad_scores_ptr + offsets, softmax * (grad - softmax_mean[:, None]), mask=inside)
        else:
            if carried_ptr is not None:
                weighted += tl.sum(grad * (softmax * carried), axis=1)
                # Keys beyond the window have a zero gradient here.
                plain += tl.sum(grad, axis=1)
                mean = (weighted + FLOOR * plain) / norm
                # ⟨dp, p⟩ is what the floor adds to the norm's gradient and nothing else: computed so, nothing cancels.
                softmax_mean = FLOOR / norm * (mean * (TOKENS + 1) - plain)
            else:
                weighted += tl.sum(grad * softmax, axis=1)
                softmax_mean = weighted


@triton.jit
def focused_spread_kernel(
    v_ptr,
    values_ptr,
    indices_ptr,
    grad_out_ptr,
    grad_values_ptr,
    grad_map_ptr,
    attention_ptr,
    first_pair,
    KEPT: tl.constexpr,
    TOKENS: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    ROW: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_T: tl.constexpr,
):
    """Put the kept values, and the gradients that output and next layer ask of them, at their keys in maps of zeros."""
    row_blocks: tl.constexpr = (TOKENS + BLOCK_M - 1) // BLOCK_M
    slot = (tl.program_id(0) // row_blocks).to(tl.int64)
    pair = slot + first_pair
    # Rows beyond the window repeat its last one: they write the same again.
    rows = tl.minimum((tl.program_id(0) % row_blocks) * BLOCK_M + tl.arange(0, BLOCK_M), TOKENS - 1)
    slots = tl.arange(0, BLOCK_T)
    inside = tl.broadcast_to((slots < KEPT)[None, :], (BLOCK_M, BLOCK_T))
    first = pair * TOKENS
    sources = first * KEPT + rows[:, None] * KEPT + slots[None, :]
    keys = tl.load(indices_ptr + sources, mask=inside, other=0).to(tl.int32)
    grad = _gathered_gradient(v_ptr + first * ROW, grad_out_ptr + first * HEAD_DIM, rows, keys, inside, HEAD_DIM, ROW)
    if grad_values_ptr is not None:
        grad += tl.load(grad_values_ptr + sources, mask=inside, other=0.0)
    targets = slot * TOKENS * TOKENS + rows[:, None] * TOKENS + keys
    tl.store(grad_map_ptr + targets, grad, mask=inside)
    tl.store(attention_ptr + targets, tl.load(values_ptr + sources, mask=inside, other=0.0), mask=inside)


@triton.jit
def _gathered_gradient(v_base, grad_out_base, rows, keys, inside, HEAD_DIM: tl.constexpr, ROW: tl.constexpr):
    """Return the products (rows, T) of each row's output gradient with the rows of v at its keys."""
    grad = tl.zeros(keys.shape, tl.float32)
    for start in range(0, ROW, 8):
        columns = start + tl.arange(0, 8)
        v = tl.load(v_base + keys[:, :, None] * ROW + columns[None, None, :], mask=inside[:, :, None], other=0.0).to(
            tl.float32
        )
        mask = tl.broadcast_to((columns < HEAD_DIM)[None, :], (rows.shape[0], 8))
        out = tl.load(grad_out_base + rows[:, None] * HEAD_DIM + columns[None, :], mask=mask, other=0.0)
        grad += tl.sum(v * out.to(tl.float32)[:, None, :], axis=2)
    return grad


@triton.jit
def focused_sparse_bwd_kernel(
    q_ptr,
    k_ptr,
    v_ptr,
    table_ptr,
    values_ptr,
    indices_ptr,
    places_ptr,
    grad_out_ptr,
    grad_new_values_ptr,
    grad_values_ptr,
    grad_q_ptr,
    grad_scores_ptr,
    attention_ptr,
    first_pair,
    heads,
    table_stride,
    scale,
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
    """Take a layer over survivors back: gradients of q and of the carried values, and two maps, which hold zeros.

    The maps receive, at the keys, the gradients of the scores and the kept values.
    """
    row_blocks: tl.constexpr = (TOKENS + BLOCK_M - 1) // BLOCK_M
    slot = (tl.program_id(0) // row_blocks).to(tl.int64)
    pair = slot + first_pair
    head = (pair % heads).to(tl.int32)
    rows = tl.minimum((tl.program_id(0) % row_blocks) * BLOCK_M + tl.arange(0, BLOCK_M), TOKENS - 1)
    slots = tl.arange(0, BLOCK_T)
    inside = tl.broadcast_to((slots < SURVIVORS)[None, :], (BLOCK_M, BLOCK_T))
    first = pair * TOKENS
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
    softmax = tl.exp2(scores - tl.max(scores, axis=1)[:, None])
    softmax = softmax * (1.0 / tl.sum(softmax, axis=1))[:, None]
    carried = tl.load(values_ptr + sources, mask=inside, other=0.0)
    product = tl.where(inside, softmax * carried + FLOOR, 0.0)
    norm = tl.sum(product, axis=1) + FLOOR
    attention = product / norm[:, None]
    kept = inside
    place = tl.broadcast_to(slots[None, :], (BLOCK_M, BLOCK_T))
    if places_ptr is not None:
        place = tl.load(places_ptr + sources, mask=inside, other=-1).to(tl.int32)
        kept = place >= 0
    grad = _gathered_gradient(v_ptr + first * ROW, grad_out_ptr + first * HEAD_DIM, rows, keys, kept, HEAD_DIM, ROW)
    if grad_new_values_ptr is not None:
        asked = tl.load(grad_new_values_ptr + first * KEPT + rows[:, None] * KEPT + place, mask=kept, other=0.0)
        grad += asked
    # As in a dense step; the floor alone gives the softmax's mean.
    mean = tl.sum(grad * attention, axis=1)
    plain = tl.sum(grad, axis=1)
    softmax_mean = FLOOR / norm * (mean * (SURVIVORS + 1) - plain)
    grad = (grad - mean[:, None]) / norm[:, None]
    tl.store(grad_values_ptr + sources, grad * softmax, mask=inside)
    grad = softmax * (grad * carried - softmax_mean[:, None])
    targets = slot * TOKENS * TOKENS + rows[:, None] * TOKENS + keys
    tl.store(grad_scores_ptr + targets, grad, mask=inside)
    tl.store(attention_ptr + targets, attention, mask=kept)
    for start in range(0, ROW, 8):
        columns = start + tl.arange(0, 8)
        k = tl.load(
            k_ptr + first * ROW + keys[:, :, None] * ROW + columns[None, None, :], mask=inside[:, :, None], other=0.0
        ).to(tl.float32)
        grad_q = tl.sum(grad[:, :, None] * k, axis=1) * scale
        tl.store(grad_q_ptr + (first + rows)[:, None] * ROW + columns[None, :], grad_q.to(grad_q_ptr.dtype.element_ty))


@triton.jit
def focused_product_kernel(
    map_ptr,
    x_ptr,
    out_ptr,
    first_pair,
    scale,
    TOKENS: tl.constexpr,
    X_ROW: tl.constexpr,
    OUT_ROW: tl.constexpr,
    TRANSPOSED: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Multiply a map, or its transpose, by rows of x (N, X_ROW) into rows of out (N, OUT_ROW), filled up with zeros."""
    row_blocks: tl.constexpr = (TOKENS + BLOCK_M - 1) // BLOCK_M
    slot = (tl.program_id(0) // row_blocks).to(tl.int64)
    pair = slot + first_pair
    rows = (tl.program_id(0) % row_blocks) * BLOCK_M + tl.arange(0, BLOCK_M)
    columns = tl.arange(0, BLOCK_D)
    map_base = map_ptr + slot * TOKENS * TOKENS
    summed = tl.zeros((BLOCK_M, BLOCK_D), tl.float32)
    for start in range(0, TOKENS, BLOCK_N):
        others = start + tl.arange(0, BLOCK_N)
        if TRANSPOSED:
            mask = (others < TOKENS)[:, None] & (rows < TOKENS)[None, :]
            tile = tl.trans(tl.load(map_base + others[:, None] * TOKENS + rows[None, :], mask=mask, other=0.0))
        else:
            mask = (rows < TOKENS)[:, None] & (others < TOKENS)[None, :]
            tile = tl.load(map_base + rows[:, None] * TOKENS + others[None, :], mask=mask, other=0.0)
        x = load_rows(x_ptr + pair * TOKENS * X_ROW, others, columns, TOKENS, X_ROW)
        summed = tl.dot(tile, x.to(tl.float32), summed, input_precision=PRECISION)
    mask = (rows < TOKENS)[:, None] & (columns < OUT_ROW)[None, :]
    targets = pair * TOKENS * OUT_ROW + rows[:, None] * OUT_ROW + columns[None, :]
    tl.store(out_ptr + targets, (summed * scale).to(out_ptr.dtype.element_ty), mask=mask)


@triton.jit
def focused_table_kernel(
    map_ptr,
    sums_ptr,
    windows,
    heads,
    SIZE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Add a map's entries by head, row offset, query column and key column to sums (H, 2M-1, M, M).

    One program owns a head and a row offset and goes through windows and query rows in order.
    """
    head = tl.program_id(0) // (2 * SIZE - 1)
    offset = tl.program_id(0) % (2 * SIZE - 1) - (SIZE - 1)
    query, key = tl.arange(0, BLOCK), tl.arange(0, BLOCK)
    inside = (query < SIZE)[:, None] & (key < SIZE)[None, :]
    own = sums_ptr + tl.program_id(0) * SIZE * SIZE + query[:, None] * SIZE + key[None, :]
    total = tl.load(own, mask=inside, other=0.0)
    lowest = tl.maximum(0, -offset)
    count = SIZE - tl.maximum(offset, -offset)
    for step in range(windows * count):
        window = (step // count).to(tl.int64)
        row = lowest + step % count
        base = map_ptr + ((window * heads + head) * SIZE * SIZE + row * SIZE) * SIZE * SIZE + (row + offset) * SIZE
        total += tl.load(base + query[:, None] * (SIZE * SIZE) + key[None, :], mask=inside, other=0.0)
    tl.store(own, total, mask=inside)
