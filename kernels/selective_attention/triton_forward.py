"""The forward Triton kernels of ``selective_attention`` and of its routing.

Shapes: B images, W windows of an image, H heads, N tokens of a window (``TOKENS``), D head dimension, K selected windows
(``KEPT``), C numbers of a window's mean. A place is a window of B*W. May import triton only.
"""

# Kernels are compiled by Triton, which has types of its own.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, valid-type"

import triton
import triton.language as tl

_LOWEST = tl.constexpr(-(2**63))
_SECOND_LOWEST = tl.constexpr(-(2**63) + 1)
_HIGHEST = tl.constexpr(2**63 - 1)
_LARGEST_FLOAT = tl.constexpr(3.4028234663852886e38)


@triton.jit
def selective_attention_fwd_kernel(
    q_ptr,
    k_ptr,
    v_ptr,
    index_ptr,
    out_ptr,
    log_sum_ptr,
    stride_qb,
    stride_qw,
    stride_qh,
    stride_qn,
    stride_kb,
    stride_kw,
    stride_kh,
    stride_kn,
    stride_vb,
    stride_vw,
    stride_vh,
    stride_vn,
    windows,
    heads,
    scale_log2,
    KEPT: tl.constexpr,
    TOKENS: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Attend from a block of queries of one window and head to all tokens of its selected windows."""
    row_blocks: tl.constexpr = (TOKENS + BLOCK_M - 1) // BLOCK_M
    key_blocks: tl.constexpr = (TOKENS + BLOCK_N - 1) // BLOCK_N
    program = tl.program_id(0)
    head = (program // row_blocks) % heads
    # Offsets of whole windows pass 2^31 for a large image; those inside a window do not.
    place = (program // row_blocks // heads).to(tl.int64)
    image, window = place // windows, place % windows
    rows = (program % row_blocks) * BLOCK_M + tl.arange(0, BLOCK_M)
    columns = tl.arange(0, BLOCK_D)
    row_mask = (rows < TOKENS)[:, None] & (columns < HEAD_DIM)[None, :]
    q_base = q_ptr + image * stride_qb + window * stride_qw + head.to(tl.int64) * stride_qh
    # (BLOCK_M, BLOCK_D)
    q = tl.load(q_base + rows[:, None] * stride_qn + columns[None, :], mask=row_mask, other=0.0)
    k_base = k_ptr + image * stride_kb + head.to(tl.int64) * stride_kh
    v_base = v_ptr + image * stride_vb + head.to(tl.int64) * stride_vh
    running_max = tl.full((BLOCK_M,), float("-inf"), tl.float32)
    running_sum = tl.zeros((BLOCK_M,), tl.float32)
    summed = tl.zeros((BLOCK_M, BLOCK_D), tl.float32)
    for step in range(KEPT * key_blocks):
        selected = tl.load(index_ptr + place * KEPT + step // key_blocks).to(tl.int64)
        keys = (step % key_blocks) * BLOCK_N + tl.arange(0, BLOCK_N)
        key_mask = (keys < TOKENS)[:, None] & (columns < HEAD_DIM)[None, :]
        # (BLOCK_N, BLOCK_D)
        k = tl.load(
            k_base + selected * stride_kw + keys[:, None] * stride_kn + columns[None, :], mask=key_mask, other=0.0
        )
        v = tl.load(
            v_base + selected * stride_vw + keys[:, None] * stride_vn + columns[None, :], mask=key_mask, other=0.0
        )
        # (BLOCK_M, BLOCK_N), in powers of two
        scores = tl.dot(q, tl.trans(k), input_precision=PRECISION) * scale_log2
        if TOKENS % BLOCK_N != 0:
            scores = tl.where((keys < TOKENS)[None, :], scores, float("-inf"))
        new_max = tl.maximum(running_max, tl.max(scores, axis=1))
        weights = tl.exp2(scores - new_max[:, None])
        shrink = tl.exp2(running_max - new_max)
        running_sum = running_sum * shrink + tl.sum(weights, axis=1)
        summed = tl.dot(weights.to(v.dtype), v, summed * shrink[:, None], input_precision=PRECISION)
        running_max = new_max
    # The output and the sums are contiguous: a row is numbered through windows, heads and tokens.
    first = (place * heads + head) * TOKENS
    out = summed / running_sum[:, None]
    offsets = rows[:, None] * HEAD_DIM + columns[None, :]
    tl.store(out_ptr + first * HEAD_DIM + offsets, out.to(out_ptr.dtype.element_ty), mask=row_mask)
    if log_sum_ptr is not None:
        tl.store(log_sum_ptr + first + rows, running_max + tl.log2(running_sum), mask=rows < TOKENS)


@triton.jit
def select_windows_kernel(
    query_ptr,
    key_ptr,
    index_ptr,
    windows,
    KEPT: tl.constexpr,
    CHANNELS: tl.constexpr,
    CHUNK: tl.constexpr,
    BLOCK_K: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """Find the KEPT key windows with the highest scores for a block of query windows, best first.

    A score and its window are one int64: the float's bits, made to order as integers, above the window counted down. So
    all differ, and equal scores order by the lower window.
    """
    blocks = (windows + BLOCK_M - 1) // BLOCK_M
    first = (tl.program_id(0) // blocks).to(tl.int64) * windows
    rows = (tl.program_id(0) % blocks) * BLOCK_M + tl.arange(0, BLOCK_M)
    places = tl.arange(0, BLOCK_K)
    # (BLOCK_M, BLOCK_K): distinct from the start, so that one is replaced at a time.
    best = tl.broadcast_to((places.to(tl.int64) + _SECOND_LOWEST)[None, :], (BLOCK_M, BLOCK_K))
    own = tl.broadcast_to((places < KEPT)[None, :], (BLOCK_M, BLOCK_K))
    worst = tl.min(tl.where(own, best, _HIGHEST), axis=1)
    for start in range(0, windows, BLOCK_N):
        keys = start + tl.arange(0, BLOCK_N)
        scores = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
        for channel in range(0, CHANNELS, CHUNK):
            channels = channel + tl.arange(0, CHUNK)
            query = tl.load(
                query_ptr + (first + rows)[:, None] * CHANNELS + channels[None, :],
                mask=(rows < windows)[:, None] & (channels < CHANNELS)[None, :],
                other=0.0,
            )
            key = tl.load(
                key_ptr + (first + keys)[:, None] * CHANNELS + channels[None, :],
                mask=(keys < windows)[:, None] & (channels < CHANNELS)[None, :],
                other=0.0,
            )
            scores = tl.dot(query, tl.trans(key), scores, input_precision="ieee")
        # As the blocks of the torch backend do: what is not a number comes last, infinities count as the largest numbers,
        # and there is one zero.
        scores = tl.where(scores != scores, -_LARGEST_FLOAT, scores)
        scores = tl.minimum(tl.maximum(scores, -_LARGEST_FLOAT), _LARGEST_FLOAT)
        bits = tl.where(scores == 0.0, 0.0, scores).to(tl.int32, bitcast=True)
        ordered = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).to(tl.int64)
        candidates = ordered * 4294967296 + (2147483647 - keys)[None, :].to(tl.int64)
        candidates = tl.where((keys < windows)[None, :], candidates, _LOWEST)
        found = tl.max(candidates, axis=1)
        while tl.max((found > worst).to(tl.int32), axis=0) > 0:
            better = (found > worst)[:, None]
            best = tl.where(own & better & (best == worst[:, None]), found[:, None], best)
            worst = tl.min(tl.where(own, best, _HIGHEST), axis=1)
            candidates = tl.where(candidates == found[:, None], _LOWEST, candidates)
            found = tl.max(candidates, axis=1)
    best = tl.where(own, best, _LOWEST)
    for rank in range(KEPT):
        found = tl.max(best, axis=1)
        best = tl.where(best == found[:, None], _LOWEST, best)
        window = 2147483647 - (found & 0xFFFFFFFF)
        tl.store(index_ptr + (first + rows) * KEPT + rank, window.to(tl.int32), mask=rows < windows)
