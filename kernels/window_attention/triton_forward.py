"""The forward Triton kernel of ``window_attention`` and the pieces that the backward kernels share with it.

Shapes: W windows, H heads, M side of a window (``SIDE``), N = M*M tokens, D head dimension, S = 2M-1 offsets along one
axis. Logits are kept in units of log2, so that a probability is exp2 of one. May import torch, triton and ``kernels``.
"""

# Kernels are compiled by Triton, which has types of its own.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, valid-type"

import triton
import triton.language as tl

# A pair of tokens of different regions gets -100, in log2 units.
REGION_PENALTY: tl.constexpr = tl.constexpr(-100.0 * 1.4426950408889634)


@triton.jit
def place_of(token, SIDE: tl.constexpr):
    """Return a token's place in the bias table: the place of a key minus that of a query is their offset's entry."""
    return (token // SIDE) * (2 * SIDE - 1) + token % SIDE


@triton.jit
def load_rows(
    base, rows, stride_n, stride_d, TOKENS: tl.constexpr, D: tl.constexpr, BLOCK_D: tl.constexpr, RAGGED: tl.constexpr
):
    """Load rows of one window as (rows, BLOCK_D); what lies outside the window or the head is zero."""
    columns = tl.arange(0, BLOCK_D)
    pointers = base + rows[:, None] * stride_n + columns[None, :] * stride_d
    if RAGGED:
        return tl.load(pointers, mask=(rows[:, None] < TOKENS) & (columns[None, :] < D), other=0.0)
    if D < BLOCK_D:
        return tl.load(pointers, mask=columns[None, :] < D, other=0.0)
    return tl.load(pointers)


@triton.jit
def bias_block(
    table, first_fixed, first_moving, PART: tl.constexpr, SIDE: tl.constexpr, BLOCK_FIXED: tl.constexpr,
    BLOCK_MOVING: tl.constexpr, KEYS_MOVE: tl.constexpr, SLICED: tl.constexpr, SLICE: tl.constexpr,
):  # fmt: skip
    """Return the (BLOCK_FIXED, BLOCK_MOVING) bias between the tokens a program owns and those that its loop brings.

    ``KEYS_MOVE``: rows are queries and columns keys, else the other way round. Sliced: the block needs a few rows of
    the table only; they are loaded in one piece, and each entry is picked from shared memory at a place that does not
    change from block to block, so the loop computes no index. ``first_moving`` is then PART blocks after a token that
    begins a row of the window.
    """
    OFFSETS: tl.constexpr = 2 * SIDE - 1
    if SLICED:
        # How many rows of the window the two blocks touch at most; a fixed block may begin in the middle of a row.
        FIXED_ROWS: tl.constexpr = BLOCK_FIXED // SIDE if BLOCK_FIXED % SIDE == 0 else (BLOCK_FIXED - 2) // SIDE + 2
        FIRST_ROW: tl.constexpr = PART * BLOCK_MOVING // SIDE
        MOVING_ROWS: tl.constexpr = (PART * BLOCK_MOVING + BLOCK_MOVING - 1) // SIDE - FIRST_ROW + 1
        if BLOCK_FIXED % SIDE == 0:
            fixed = place_of(tl.arange(0, BLOCK_FIXED), SIDE)[:, None]
        else:
            fixed = place_of(first_fixed % SIDE + tl.arange(0, BLOCK_FIXED), SIDE)[:, None]
        moving = place_of(PART * BLOCK_MOVING + tl.arange(0, BLOCK_MOVING), SIDE)[None, :] - FIRST_ROW * OFFSETS
        rows_apart = first_moving // SIDE - first_fixed // SIDE
        if KEYS_MOVE:
            lowest = (rows_apart - FIXED_ROWS + SIDE) * OFFSETS
            picked = moving - fixed + ((FIXED_ROWS - 1) * OFFSETS + SIDE - 1)
        else:
            lowest = (-rows_apart - MOVING_ROWS + SIDE) * OFFSETS
            picked = fixed - moving + ((MOVING_ROWS - 1) * OFFSETS + SIDE - 1)
        entries = lowest + tl.arange(0, SLICE)
        # Entries past the table belong to tokens past the window.
        rows_of_table = tl.load(table + entries, mask=(entries >= 0) & (entries < OFFSETS * OFFSETS), other=0.0)
        flat = tl.gather(rows_of_table, tl.reshape(picked, [BLOCK_FIXED * BLOCK_MOVING]), 0)
        return tl.reshape(flat, [BLOCK_FIXED, BLOCK_MOVING])
    # Tokens past the window read a place that is there.
    fixed = place_of(tl.minimum(first_fixed + tl.arange(0, BLOCK_FIXED), SIDE * SIDE - 1), SIDE)[:, None]
    moving = place_of(tl.minimum(first_moving + tl.arange(0, BLOCK_MOVING), SIDE * SIDE - 1), SIDE)[None, :]
    # The entry of offset zero is the table's middle.
    if KEYS_MOVE:
        return tl.load(table + 2 * SIDE * (SIDE - 1) + (moving - fixed))
    return tl.load(table + 2 * SIDE * (SIDE - 1) + (fixed - moving))


@triton.jit
def window_attention_fwd_kernel(
    q_ptr, k_ptr, v_ptr, table_ptr, regions_ptr, out_ptr, lse_ptr,
    heads, region_rows, table_stride, scale_log2,
    q_sw, q_sh, q_sn, q_sd, k_sw, k_sh, k_sn, k_sd, v_sw, v_sh, v_sn, v_sd, out_sw, out_sh, out_sn, out_sd,
    SIDE: tl.constexpr, D: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
    PARTS: tl.constexpr, SLICED: tl.constexpr, SLICE: tl.constexpr, HAS_REGIONS: tl.constexpr, KEEP_LSE: tl.constexpr,
):  # fmt: skip
    """Attend BLOCK_M queries of one head of one window to all its keys, PARTS blocks of BLOCK_N at a time.

    ``table_ptr``: (H or 1, S*S) float32 in log2 units. ``lse_ptr``: (W, H, N) float32, log2 of each row's sum.
    """
    TOKENS: tl.constexpr = SIDE * SIDE
    RAGGED: tl.constexpr = TOKENS % (PARTS * BLOCK_N) != 0
    QUERY_BLOCKS: tl.constexpr = (TOKENS + BLOCK_M - 1) // BLOCK_M
    program = tl.program_id(0)
    first_query = program % QUERY_BLOCKS * BLOCK_M
    head = program // QUERY_BLOCKS % heads
    window = (program // QUERY_BLOCKS // heads).to(tl.int64)
    queries = first_query + tl.arange(0, BLOCK_M)
    table = table_ptr + head * table_stride
    q_base = q_ptr + window * q_sw + head.to(tl.int64) * q_sh
    k_base = k_ptr + window * k_sw + head.to(tl.int64) * k_sh
    v_base = v_ptr + window * v_sw + head.to(tl.int64) * v_sh

    q = load_rows(q_base, queries, q_sn, q_sd, TOKENS, D, BLOCK_D, TOKENS % BLOCK_M != 0)
    if HAS_REGIONS:
        regions_ptr += window % region_rows * TOKENS
        query_region = tl.load(regions_ptr + queries, mask=queries < TOKENS, other=0)
    top = tl.full([BLOCK_M], float("-inf"), tl.float32)
    total = tl.zeros([BLOCK_M], tl.float32)
    mixed = tl.zeros([BLOCK_M, BLOCK_D], tl.float32)
    for start in tl.range(0, TOKENS, PARTS * BLOCK_N):
        for part in tl.static_range(PARTS):
            first_key = start + part * BLOCK_N
            keys = first_key + tl.arange(0, BLOCK_N)
            k = load_rows(k_base, keys, k_sn, k_sd, TOKENS, D, BLOCK_D, RAGGED)
            bias = bias_block(table, first_query, first_key, part, SIDE, BLOCK_M, BLOCK_N, True, SLICED, SLICE)
            logits = tl.dot(q, tl.trans(k), input_precision="ieee") * scale_log2 + bias
            if HAS_REGIONS:
                key_region = tl.load(regions_ptr + keys, mask=keys < TOKENS, other=0)
                logits += tl.where(query_region[:, None] != key_region[None, :], REGION_PENALTY, 0.0)
            if RAGGED:
                logits = tl.where(keys[None, :] < TOKENS, logits, float("-inf"))
            new_top = tl.maximum(top, tl.max(logits, 1))
            probabilities = tl.exp2(logits - new_top[:, None])
            shrink = tl.exp2(top - new_top)
            v = load_rows(v_base, keys, v_sn, v_sd, TOKENS, D, BLOCK_D, RAGGED)
            mixed = tl.dot(probabilities.to(v.dtype), v, mixed * shrink[:, None], input_precision="ieee")
            total = total * shrink + tl.sum(probabilities, 1)
            top = new_top

    columns = tl.arange(0, BLOCK_D)
    out_base = out_ptr + window * out_sw + head.to(tl.int64) * out_sh
    inside = (queries[:, None] < TOKENS) & (columns[None, :] < D)
    out = (mixed / total[:, None]).to(out_ptr.dtype.element_ty)
    tl.store(out_base + queries[:, None] * out_sn + columns[None, :] * out_sd, out, mask=inside)
    if KEEP_LSE:
        lse_base = lse_ptr + (window * heads + head) * TOKENS
        tl.store(lse_base + queries, top + tl.log2(total), mask=queries < TOKENS)
