"""The backward Triton kernels of ``selective_attention``; names as in ``triton_forward``. May import triton only."""

# Kernels are compiled by Triton, which has types of its own.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, valid-type"

import triton
import triton.language as tl


@triton.jit
def selective_attention_bwd_q_kernel(
    q_ptr,
    k_ptr,
    v_ptr,
    index_ptr,
    out_ptr,
    log_sum_ptr,
    grad_out_ptr,
    grad_q_ptr,
    row_mean_ptr,
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
    scale,
    scale_log2,
    KEPT: tl.constexpr,
    TOKENS: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Compute the gradient of a block of queries, and ⟨grad_out, out⟩ of each of its rows for the kernel of k and v."""
    row_blocks: tl.constexpr = (TOKENS + BLOCK_M - 1) // BLOCK_M
    key_blocks: tl.constexpr = (TOKENS + BLOCK_N - 1) // BLOCK_N
    program = tl.program_id(0)
    head = (program // row_blocks) % heads
    place = (program // row_blocks // heads).to(tl.int64)
    image, window = place // windows, place % windows
    rows = (program % row_blocks) * BLOCK_M + tl.arange(0, BLOCK_M)
    columns = tl.arange(0, BLOCK_D)
    row_mask = (rows < TOKENS)[:, None] & (columns < HEAD_DIM)[None, :]
    q_base = q_ptr + image * stride_qb + window * stride_qw + head.to(tl.int64) * stride_qh
    q = tl.load(q_base + rows[:, None] * stride_qn + columns[None, :], mask=row_mask, other=0.0)
    first = (place * heads + head) * TOKENS
    offsets = rows[:, None] * HEAD_DIM + columns[None, :]
    out = tl.load(out_ptr + first * HEAD_DIM + offsets, mask=row_mask, other=0.0)
    grad_out = tl.load(grad_out_ptr + first * HEAD_DIM + offsets, mask=row_mask, other=0.0)
    log_sum = tl.load(log_sum_ptr + first + rows, mask=rows < TOKENS, other=0.0)
    row_mean = tl.sum(out.to(tl.float32) * grad_out.to(tl.float32), axis=1)
    tl.store(row_mean_ptr + first + rows, row_mean, mask=rows < TOKENS)
    k_base = k_ptr + image * stride_kb + head.to(tl.int64) * stride_kh
    v_base = v_ptr + image * stride_vb + head.to(tl.int64) * stride_vh
    summed = tl.zeros((BLOCK_M, BLOCK_D), tl.float32)
    for step in range(KEPT * key_blocks):
        selected = tl.load(index_ptr + place * KEPT + step // key_blocks).to(tl.int64)
        keys = (step % key_blocks) * BLOCK_N + tl.arange(0, BLOCK_N)
        key_mask = (keys < TOKENS)[:, None] & (columns < HEAD_DIM)[None, :]
        k = tl.load(
            k_base + selected * stride_kw + keys[:, None] * stride_kn + columns[None, :], mask=key_mask, other=0.0
        )
        v = tl.load(
            v_base + selected * stride_vw + keys[:, None] * stride_vn + columns[None, :], mask=key_mask, other=0.0
        )
        scores = tl.dot(q, tl.trans(k), input_precision=PRECISION) * scale_log2
        weights = tl.exp2(scores - log_sum[:, None])
        if TOKENS % BLOCK_N != 0:
            weights = tl.where((keys < TOKENS)[None, :], weights, 0.0)
        grad_weights = tl.dot(grad_out, tl.trans(v), input_precision=PRECISION)
        grad_scores = weights * (grad_weights - row_mean[:, None])
        summed = tl.dot(grad_scores.to(k.dtype), k, summed, input_precision=PRECISION)
    tl.store(grad_q_ptr + first * HEAD_DIM + offsets, (summed * scale).to(grad_q_ptr.dtype.element_ty), mask=row_mask)


@triton.jit
def selective_attention_bwd_kv_kernel(
    q_ptr,
    k_ptr,
    v_ptr,
    starts_ptr,
    picks_ptr,
    log_sum_ptr,
    grad_out_ptr,
    row_mean_ptr,
    grad_k_ptr,
    grad_v_ptr,
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
    scale,
    scale_log2,
    KEPT: tl.constexpr,
    TOKENS: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Compute the gradients of a block of keys and values from all windows that selected theirs, in their order.

    ``picks`` are places in the flattened index, sorted by the window they name; window u owns those from starts[u] to
    starts[u + 1].
    """
    row_blocks: tl.constexpr = (TOKENS + BLOCK_M - 1) // BLOCK_M
    key_blocks: tl.constexpr = (TOKENS + BLOCK_N - 1) // BLOCK_N
    program = tl.program_id(0)
    head = (program // key_blocks) % heads
    place = (program // key_blocks // heads).to(tl.int64)
    image, window = place // windows, place % windows
    keys = (program % key_blocks) * BLOCK_N + tl.arange(0, BLOCK_N)
    columns = tl.arange(0, BLOCK_D)
    key_mask = (keys < TOKENS)[:, None] & (columns < HEAD_DIM)[None, :]
    k_base = k_ptr + image * stride_kb + window * stride_kw + head.to(tl.int64) * stride_kh
    v_base = v_ptr + image * stride_vb + window * stride_vw + head.to(tl.int64) * stride_vh
    # (BLOCK_N, BLOCK_D)
    k = tl.load(k_base + keys[:, None] * stride_kn + columns[None, :], mask=key_mask, other=0.0)
    v = tl.load(v_base + keys[:, None] * stride_vn + columns[None, :], mask=key_mask, other=0.0)
    q_base = q_ptr + image * stride_qb + head.to(tl.int64) * stride_qh
    grad_k = tl.zeros((BLOCK_N, BLOCK_D), tl.float32)
    grad_v = tl.zeros((BLOCK_N, BLOCK_D), tl.float32)
    begin, end = tl.load(starts_ptr + place), tl.load(starts_ptr + place + 1)
    for step in range(begin * row_blocks, end * row_blocks):
        querying = (tl.load(picks_ptr + step // row_blocks) // KEPT).to(tl.int64)
        rows = (step % row_blocks) * BLOCK_M + tl.arange(0, BLOCK_M)
        row_mask = (rows < TOKENS)[:, None] & (columns < HEAD_DIM)[None, :]
        own = q_base + (querying - image * windows) * stride_qw
        q = tl.load(own + rows[:, None] * stride_qn + columns[None, :], mask=row_mask, other=0.0)
        first = (querying * heads + head) * TOKENS
        grad_out = tl.load(
            grad_out_ptr + first * HEAD_DIM + rows[:, None] * HEAD_DIM + columns[None, :], mask=row_mask, other=0.0
        )
        # Rows beyond the window: zero rows of q and of grad_out, so that they add nothing.
        log_sum = tl.load(log_sum_ptr + first + rows, mask=rows < TOKENS, other=0.0)
        row_mean = tl.load(row_mean_ptr + first + rows, mask=rows < TOKENS, other=0.0)
        # (BLOCK_N, BLOCK_M)
        scores = tl.dot(k, tl.trans(q), input_precision=PRECISION) * scale_log2
        weights = tl.exp2(scores - log_sum[None, :])
        grad_v = tl.dot(weights.to(grad_out.dtype), grad_out, grad_v, input_precision=PRECISION)
        grad_weights = tl.dot(v, tl.trans(grad_out), input_precision=PRECISION)
        grad_scores = weights * (grad_weights - row_mean[None, :])
        grad_k = tl.dot(grad_scores.to(q.dtype), q, grad_k, input_precision=PRECISION)
    first = (place * heads + head) * TOKENS * HEAD_DIM
    offsets = keys[:, None] * HEAD_DIM + columns[None, :]
    tl.store(grad_k_ptr + first + offsets, (grad_k * scale).to(grad_k_ptr.dtype.element_ty), mask=key_mask)
    tl.store(grad_v_ptr + first + offsets, grad_v.to(grad_v_ptr.dtype.element_ty), mask=key_mask)
