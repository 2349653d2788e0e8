"""The backward Triton kernels of ``window_attention``: scores are computed again, nothing of size N×N is kept.

Three passes: the gradient of the queries, that of the keys and values, that of the bias table. Sums over windows are
partial sums of fixed order; nothing is added atomically, so two runs give equal bits. Shapes as in ``triton_forward``;
all tensors are contiguous here. May import torch, triton and ``kernels``.
"""

# Kernels are compiled by Triton, which has types of its own.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, valid-type"

import triton
import triton.language as tl

from kernels.window_attention.triton_forward import REGION_PENALTY, bias_block, load_rows


@triton.jit
def _program(heads, TOKENS: tl.constexpr, BLOCK: tl.constexpr):
    """Return the first token, head and window of this program, and which head of all windows' heads it is (int64)."""
    BLOCKS: tl.constexpr = (TOKENS + BLOCK - 1) // BLOCK
    program = tl.program_id(0)
    head = program // BLOCKS % heads
    return program % BLOCKS * BLOCK, head, program // BLOCKS // heads, (program // BLOCKS).to(tl.int64)


@triton.jit
def _store_rows(pointer, rows, values, TOKENS: tl.constexpr, D: tl.constexpr, BLOCK_D: tl.constexpr):
    columns = tl.arange(0, BLOCK_D)
    inside = (rows[:, None] < TOKENS) & (columns[None, :] < D)
    tl.store(pointer + rows[:, None] * D + columns[None, :], values.to(pointer.dtype.element_ty), mask=inside)


@triton.jit
def window_attention_bwd_query_kernel(
    q_ptr, k_ptr, v_ptr, table_ptr, regions_ptr, out_ptr, lse_ptr, grad_out_ptr, row_mean_ptr, grad_q_ptr,
    heads, region_rows, table_stride, scale_log2, scale,
    SIDE: tl.constexpr, D: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
    PARTS: tl.constexpr, SLICED: tl.constexpr, SLICE: tl.constexpr, HAS_REGIONS: tl.constexpr,
):  # fmt: skip
    """Compute the gradient of BLOCK_M queries, and for the other passes ``row_mean`` (W, H, N): Σ grad_out · out."""
    TOKENS: tl.constexpr = SIDE * SIDE
    RAGGED: tl.constexpr = TOKENS % (PARTS * BLOCK_N) != 0
    first_query, head, window, which = _program(heads, TOKENS, BLOCK_M)
    queries = first_query + tl.arange(0, BLOCK_M)
    table = table_ptr + head * table_stride
    rows = which * TOKENS * D
    q = load_rows(q_ptr + rows, queries, D, 1, TOKENS, D, BLOCK_D, TOKENS % BLOCK_M != 0)
    grad_out = load_rows(grad_out_ptr + rows, queries, D, 1, TOKENS, D, BLOCK_D, TOKENS % BLOCK_M != 0)
    out = load_rows(out_ptr + rows, queries, D, 1, TOKENS, D, BLOCK_D, TOKENS % BLOCK_M != 0)
    # A query past the window has no probabilities: exp2 of minus infinity.
    lse = tl.load(lse_ptr + which * TOKENS + queries, mask=queries < TOKENS, other=float("inf"))
    row_mean = tl.sum(grad_out.to(tl.float32) * out.to(tl.float32), 1)
    tl.store(row_mean_ptr + which * TOKENS + queries, row_mean, mask=queries < TOKENS)
    if HAS_REGIONS:
        regions_ptr += window % region_rows * TOKENS
        query_region = tl.load(regions_ptr + queries, mask=queries < TOKENS, other=0)
    grad_q = tl.zeros([BLOCK_M, BLOCK_D], tl.float32)
    for start in tl.range(0, TOKENS, PARTS * BLOCK_N):
        for part in tl.static_range(PARTS):
            first_key = start + part * BLOCK_N
            keys = first_key + tl.arange(0, BLOCK_N)
            k = load_rows(k_ptr + rows, keys, D, 1, TOKENS, D, BLOCK_D, RAGGED)
            v = load_rows(v_ptr + rows, keys, D, 1, TOKENS, D, BLOCK_D, RAGGED)
            bias = bias_block(table, first_query, first_key, part, SIDE, BLOCK_M, BLOCK_N, True, SLICED, SLICE)
            logits = tl.dot(q, tl.trans(k), input_precision="ieee") * scale_log2 + bias
            if HAS_REGIONS:
                key_region = tl.load(regions_ptr + keys, mask=keys < TOKENS, other=0)
                logits += tl.where(query_region[:, None] != key_region[None, :], REGION_PENALTY, 0.0)
            if RAGGED:
                logits = tl.where(keys[None, :] < TOKENS, logits, float("-inf"))
            probabilities = tl.exp2(logits - lse[:, None])
            grad = tl.dot(grad_out, tl.trans(v), input_precision="ieee") - row_mean[:, None]
            grad_logits = (probabilities * grad).to(k.dtype)
            grad_q = tl.dot(grad_logits, k, grad_q, input_precision="ieee")
    _store_rows(grad_q_ptr + rows, queries, grad_q * scale, TOKENS, D, BLOCK_D)


@triton.jit
def window_attention_bwd_key_kernel(
    q_ptr, k_ptr, v_ptr, table_ptr, regions_ptr, lse_ptr, grad_out_ptr, row_mean_ptr, grad_k_ptr, grad_v_ptr,
    heads, region_rows, table_stride, scale_log2, scale,
    SIDE: tl.constexpr, D: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
    PARTS: tl.constexpr, SLICED: tl.constexpr, SLICE: tl.constexpr, HAS_REGIONS: tl.constexpr,
):  # fmt: skip
    """Compute the gradients of BLOCK_N keys and values over all queries, PARTS blocks of BLOCK_M at a time.

    Everything is transposed: rows are keys, columns queries.
    """
    TOKENS: tl.constexpr = SIDE * SIDE
    RAGGED: tl.constexpr = TOKENS % (PARTS * BLOCK_M) != 0
    first_key, head, window, which = _program(heads, TOKENS, BLOCK_N)
    keys = first_key + tl.arange(0, BLOCK_N)
    table = table_ptr + head * table_stride
    rows = which * TOKENS * D
    k = load_rows(k_ptr + rows, keys, D, 1, TOKENS, D, BLOCK_D, TOKENS % BLOCK_N != 0)
    v = load_rows(v_ptr + rows, keys, D, 1, TOKENS, D, BLOCK_D, TOKENS % BLOCK_N != 0)
    if HAS_REGIONS:
        regions_ptr += window % region_rows * TOKENS
        key_region = tl.load(regions_ptr + keys, mask=keys < TOKENS, other=0)
    grad_k = tl.zeros([BLOCK_N, BLOCK_D], tl.float32)
    grad_v = tl.zeros([BLOCK_N, BLOCK_D], tl.float32)
    for start in tl.range(0, TOKENS, PARTS * BLOCK_M):
        for part in tl.static_range(PARTS):
            first_query = start + part * BLOCK_M
            queries = first_query + tl.arange(0, BLOCK_M)
            q = load_rows(q_ptr + rows, queries, D, 1, TOKENS, D, BLOCK_D, RAGGED)
            grad_out = load_rows(grad_out_ptr + rows, queries, D, 1, TOKENS, D, BLOCK_D, RAGGED)
            # A query past the window has no probabilities: exp2 of minus infinity.
            lse = tl.load(lse_ptr + which * TOKENS + queries, mask=queries < TOKENS, other=float("inf"))
            row_mean = tl.load(row_mean_ptr + which * TOKENS + queries, mask=queries < TOKENS, other=0.0)
            bias = bias_block(table, first_key, first_query, part, SIDE, BLOCK_N, BLOCK_M, False, SLICED, SLICE)
            logits = tl.dot(k, tl.trans(q), input_precision="ieee") * scale_log2 + bias
            if HAS_REGIONS:
                query_region = tl.load(regions_ptr + queries, mask=queries < TOKENS, other=0)
                logits += tl.where(key_region[:, None] != query_region[None, :], REGION_PENALTY, 0.0)
            probabilities = tl.exp2(logits - lse[None, :])
            grad_v = tl.dot(probabilities.to(q.dtype), grad_out, grad_v, input_precision="ieee")
            grad = tl.dot(v, tl.trans(grad_out), input_precision="ieee") - row_mean[None, :]
            grad_logits = (probabilities * grad).to(q.dtype)
            grad_k = tl.dot(grad_logits, q, grad_k, input_precision="ieee")
    _store_rows(grad_k_ptr + rows, keys, grad_k * scale, TOKENS, D, BLOCK_D)
    _store_rows(grad_v_ptr + rows, keys, grad_v, TOKENS, D, BLOCK_D)


@triton.jit
def _sum_row_pairs(
    q_ptr, k_ptr, v_ptr, table, regions_ptr, lse_ptr, grad_out_ptr, row_mean_ptr, partial, head, heads, region_rows,
    first_window, last_window, first_row, row_count, rows_apart, scale_log2,
    SIDE: tl.constexpr, D: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK: tl.constexpr, HAS_REGIONS: tl.constexpr,
):  # fmt: skip
    """Sum the gradient of the logits over pairs of window rows ``rows_apart`` rows apart; store one row of the table.

    The pairs are the rows from ``first_row`` of each window, as queries, with the rows ``rows_apart`` below as keys.
    """
    TOKENS: tl.constexpr = SIDE * SIDE
    OFFSETS: tl.constexpr = 2 * SIDE - 1
    column = tl.arange(0, BLOCK)
    inside = (column[:, None] < SIDE) & (column[None, :] < SIDE)
    apart = column[None, :] - column[:, None]
    table_row = (rows_apart + SIDE - 1) * OFFSETS
    bias = tl.load(table + table_row + SIDE - 1 + apart, mask=inside, other=0.0)
    summed = tl.zeros([BLOCK, BLOCK], tl.float32)
    for pair in tl.range(0, (last_window - first_window) * row_count):
        window = first_window + pair // row_count
        query_row = first_row + pair % row_count
        which = (window * heads + head).to(tl.int64) * TOKENS
        query_start = which + query_row * SIDE
        key_start = query_start + rows_apart * SIDE
        q = load_rows(q_ptr + query_start * D, column, D, 1, SIDE, D, BLOCK_D, SIDE < BLOCK)
        grad_out = load_rows(grad_out_ptr + query_start * D, column, D, 1, SIDE, D, BLOCK_D, SIDE < BLOCK)
        k = load_rows(k_ptr + key_start * D, column, D, 1, SIDE, D, BLOCK_D, SIDE < BLOCK)
        v = load_rows(v_ptr + key_start * D, column, D, 1, SIDE, D, BLOCK_D, SIDE < BLOCK)
        lse = tl.load(lse_ptr + query_start + column, mask=column < SIDE, other=float("inf"))
        row_mean = tl.load(row_mean_ptr + query_start + column, mask=column < SIDE, other=0.0)
        logits = tl.dot(q, tl.trans(k), input_precision="ieee") * scale_log2 + bias
        if HAS_REGIONS:
            labels = regions_ptr + window % region_rows * TOKENS + query_row * SIDE + column
            query_region = tl.load(labels, mask=column < SIDE, other=0)
            key_region = tl.load(labels + rows_apart * SIDE, mask=column < SIDE, other=0)
            logits += tl.where(query_region[:, None] != key_region[None, :], REGION_PENALTY, 0.0)
        grad = tl.dot(grad_out, tl.trans(v), input_precision="ieee") - row_mean[:, None]
        summed += tl.exp2(logits - lse[:, None]) * grad
    # Shift each query's row so that equal offsets stand above each other, then sum the columns.
    offset = tl.arange(0, 2 * BLOCK)
    key_column = offset[None, :] + column[:, None] - (SIDE - 1)
    there = (key_column >= 0) & (key_column < SIDE) & (column[:, None] < SIDE)
    shifted = tl.gather(summed, tl.where(there, key_column, 0), 1)
    by_offset = tl.sum(tl.where(there, shifted, 0.0), 0)
    tl.store(partial + table_row + offset, by_offset, mask=offset < OFFSETS)


@triton.jit
def window_attention_bwd_table_kernel(
    q_ptr, k_ptr, v_ptr, table_ptr, regions_ptr, lse_ptr, grad_out_ptr, row_mean_ptr, partial_ptr,
    windows, heads, region_rows, table_stride, scale_log2,
    SIDE: tl.constexpr, D: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK: tl.constexpr, CHUNKS: tl.constexpr,
    HAS_REGIONS: tl.constexpr,
):  # fmt: skip
    """Sum the table's gradient over a share of the windows: ``partial_ptr`` is (CHUNKS, H, S, S) float32.

    A program takes the pairs of rows ``down`` apart and those ``SIDE - down`` apart the other way: M pairs a window in
    all, so every program has the same work.
    """
    OFFSETS: tl.constexpr = 2 * SIDE - 1
    program = tl.program_id(0)
    down = program % SIDE
    head = program // SIDE % heads
    chunk = program // SIDE // heads
    share = (windows + CHUNKS - 1) // CHUNKS
    first_window = tl.minimum(chunk * share, windows)
    last_window = tl.minimum(first_window + share, windows)
    table = table_ptr + head * table_stride
    partial = partial_ptr + (chunk * heads + head).to(tl.int64) * (OFFSETS * OFFSETS)
    _sum_row_pairs(
        q_ptr, k_ptr, v_ptr, table, regions_ptr, lse_ptr, grad_out_ptr, row_mean_ptr, partial, head, heads,
        region_rows, first_window, last_window, 0, SIDE - down, down, scale_log2,
        SIDE, D, BLOCK_D, BLOCK, HAS_REGIONS,
    )  # fmt: skip
    if down > 0:
        _sum_row_pairs(
            q_ptr, k_ptr, v_ptr, table, regions_ptr, lse_ptr, grad_out_ptr, row_mean_ptr, partial, head, heads,
            region_rows, first_window, last_window, SIDE - down, down, down - SIDE, scale_log2,
            SIDE, D, BLOCK_D, BLOCK, HAS_REGIONS,
        )  # fmt: skip
