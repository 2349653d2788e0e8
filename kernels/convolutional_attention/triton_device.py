"""The Triton kernels of ``convolutional_attention``: one convolution as a matrix product over groups of pixels.

Shapes: B images, C channels (``CP``: with zeros up to a multiple of 8), L side of the kernel, G pixels of a group, K the
numbers of one kernel row under a group, (L+G-1)·CP, and N its columns, G·CP. A packed image is (rows, pixels, CP) with
its zero border; row y of the product for kernel row i reads K numbers in one piece from packed row y + i. May import
torch, triton and ``kernels``.
"""

# Kernels are compiled by Triton, which has types of its own.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc, valid-type"

import triton
import triton.language as tl


@triton.jit
def convolutional_attention_pack_kernel(
    x_ptr, packed_ptr, height, width, rows, pitch, x_sb, x_sc, x_sh, x_sw,
    BORDER: tl.constexpr, C: tl.constexpr, CP: tl.constexpr, BLOCK_C: tl.constexpr, BLOCK_X: tl.constexpr,
):  # fmt: skip
    """Copy BLOCK_X pixels of one image row, channels last, into ``packed_ptr`` (B, rows, pitch, CP), zero outside."""
    image_row = tl.program_id(0).to(tl.int64)
    image, row = image_row // rows, image_row % rows
    pixel = tl.program_id(1) * BLOCK_X + tl.arange(0, BLOCK_X)
    channel = tl.arange(0, BLOCK_C)
    y, x = row - BORDER, pixel - BORDER
    # A row of the border has no pixels.
    there = (x >= 0) & (x < tl.where((y >= 0) & (y < height), width, 0))
    base = x_ptr + image * x_sb + y * x_sh
    pointers = base + x.to(tl.int64)[:, None] * x_sw + channel.to(tl.int64)[None, :] * x_sc
    values = tl.load(pointers, mask=there[:, None] & (channel[None, :] < C), other=0.0)
    packed = packed_ptr + (image_row * pitch) * CP + pixel[:, None] * CP + channel[None, :]
    tl.store(packed, values, mask=(pixel[:, None] < pitch) & (channel[None, :] < CP))


@triton.jit
def convolutional_attention_fold_kernel(
    static_ptr, dynamic_ptr, weight_ptr,
    s_so, s_sc, s_si, s_sj, d_sb, d_sc, d_si, d_sj,
    SIDE: tl.constexpr, C: tl.constexpr, CP: tl.constexpr, GROUP: tl.constexpr, COLUMNS: tl.constexpr,
    BLOCK_K: tl.constexpr, STEPS: tl.constexpr,
):  # fmt: skip
    """Write BLOCK_K rows of one image's ``weight_ptr`` (B, L, STEPS·BLOCK_K, COLUMNS): the folded kernel, once for each
    pixel of a group, moved on by a pixel each time."""
    HALF: tl.constexpr = SIDE // 2
    program = tl.program_id(0)
    step, i, image = program % STEPS, program // STEPS % SIDE, program // STEPS // SIDE
    inner = step * BLOCK_K + tl.arange(0, BLOCK_K)
    column = tl.arange(0, COLUMNS)
    c = (inner % CP)[:, None]
    g = (column // CP)[None, :]
    o = (column % CP)[None, :]
    j = (inner // CP)[:, None] - g
    there = (c < C) & (o < C) & (g < GROUP) & (j >= 0) & (j < SIDE)
    weight = tl.load(static_ptr + o * s_so + c * s_sc + i * s_si + j * s_sj, mask=there, other=0.0).to(tl.float32)
    centre_i, centre_j = i - HALF + 1, j - HALF + 1
    # The dynamic kernel has nothing in the rows around the centre's three.
    reach = tl.where((centre_i >= 0) & (centre_i < 3), 3, 0)
    central = there & (o == c) & (centre_j >= 0) & (centre_j < reach)
    own = dynamic_ptr + image.to(tl.int64) * d_sb
    weight += tl.load(own + c * d_sc + centre_i * d_si + centre_j * d_sj, mask=central, other=0.0)
    base = weight_ptr + program.to(tl.int64) * (BLOCK_K * COLUMNS)
    places = tl.arange(0, BLOCK_K)[:, None] * COLUMNS + column[None, :]
    tl.store(base + places, weight.to(weight_ptr.dtype.element_ty))


@triton.jit
def convolutional_attention_fwd_kernel(
    packed_ptr, weight_ptr, out_ptr, height, width, groups, rows, row_extent, out_sb, out_sc, out_sh, out_sw,
    SIDE: tl.constexpr, C: tl.constexpr, CP: tl.constexpr, GROUP: tl.constexpr, COLUMNS: tl.constexpr,
    BLOCK_K: tl.constexpr, STEPS: tl.constexpr, BLOCK_M: tl.constexpr, PLANES: tl.constexpr,
):  # fmt: skip
    """Convolve BLOCK_M groups of one image. ``row_extent`` is a packed row's numbers; PLANES: pixels lie side by side.

    ``groups``: groups of an image row; a program's groups run on from one row into the next.
    """
    # One axis for blocks and images: the others of a grid end at 65535.
    blocks = (height * groups + BLOCK_M - 1) // BLOCK_M
    image, block = (tl.program_id(0) // blocks).to(tl.int64), tl.program_id(0) % blocks
    last = height * groups - 1
    group = block * BLOCK_M + tl.arange(0, BLOCK_M)
    known = tl.minimum(group, last)
    start = (known // groups).to(tl.int64) * row_extent + (known % groups) * (GROUP * CP)
    inner = tl.arange(0, BLOCK_K)
    column = tl.arange(0, COLUMNS)
    packed = packed_ptr + image * rows * row_extent + tl.multiple_of(start, 8)[:, None] + inner[None, :]
    weights = weight_ptr + image * (SIDE * STEPS * BLOCK_K * COLUMNS) + inner[:, None] * COLUMNS + column[None, :]
    summed = tl.zeros([BLOCK_M, COLUMNS], tl.float32)
    for step in tl.range(0, SIDE * STEPS):
        # Neighbouring groups read overlapping numbers: the first-level cache is worth keeping them in.
        pixels = tl.load(packed + (step // STEPS * row_extent + step % STEPS * BLOCK_K), cache_modifier=".ca")
        weight = tl.load(weights + step * (BLOCK_K * COLUMNS))
        summed = tl.dot(pixels, weight, summed, input_precision="ieee")

    out = out_ptr + image * out_sb
    values = summed.to(out_ptr.dtype.element_ty)
    if PLANES:
        # (channel, pixel), so that a store runs along an image row.
        flat = tl.reshape(tl.permute(tl.reshape(values, [BLOCK_M, GROUP, CP]), [2, 0, 1]), [CP, BLOCK_M * GROUP])
        pixel = block * (BLOCK_M * GROUP) + tl.arange(0, BLOCK_M * GROUP)
        y, x = pixel // (groups * GROUP), pixel % (groups * GROUP)
        channel = tl.arange(0, CP)
        places = channel.to(tl.int64)[:, None] * out_sc + (y.to(tl.int64) * out_sh + x * out_sw)[None, :]
        tl.store(out + places, flat, mask=(channel[:, None] < C) & ((y < height) & (x < width))[None, :])
    else:
        y, first_x = group // groups, group % groups * GROUP
        x = first_x[:, None] + (column // CP)[None, :]
        channel = column % CP
        inside = (y[:, None] < height) & (x < width) & (column < GROUP * CP)[None, :] & (channel < C)[None, :]
        places = (y.to(tl.int64) * out_sh)[:, None] + x.to(tl.int64) * out_sw
        tl.store(out + places + (channel.to(tl.int64) * out_sc)[None, :], values, mask=inside)


@triton.jit
def convolutional_attention_bwd_weight_kernel(
    packed_ptr, grad_ptr, partial_ptr, height, groups, rows, row_extent,
    SIDE: tl.constexpr, CP: tl.constexpr, GROUP: tl.constexpr, COLUMNS: tl.constexpr, BLOCK_K: tl.constexpr,
    STEPS: tl.constexpr, BLOCK_M: tl.constexpr, CHUNKS: tl.constexpr,
):  # fmt: skip
    """Sum, over a share of one image's groups, the products that meet each weight of a block.

    ``grad_ptr``: the packed gradient without a border, (B, height·groups, GROUP·CP). ``partial_ptr``: (B, CHUNKS, L,
    STEPS·BLOCK_K, COLUMNS) float32.
    """
    program = tl.program_id(0)
    step = program % (SIDE * STEPS)
    chunk = program // (SIDE * STEPS) % CHUNKS
    image = (program // (SIDE * STEPS) // CHUNKS).to(tl.int64)
    total = height * groups
    share = ((total + BLOCK_M - 1) // BLOCK_M + CHUNKS - 1) // CHUNKS * BLOCK_M
    inner = tl.arange(0, BLOCK_K)
    column = tl.arange(0, COLUMNS)
    packed = packed_ptr + image * rows * row_extent + (step // STEPS * row_extent + step % STEPS * BLOCK_K)
    grads = grad_ptr + image * total * (GROUP * CP)
    summed = tl.zeros([BLOCK_K, COLUMNS], tl.float32)
    for first in tl.range(chunk * share, tl.minimum(chunk * share + share, total), BLOCK_M):
        group = first + tl.arange(0, BLOCK_M)
        known = tl.minimum(group, total - 1)
        start = (known // groups).to(tl.int64) * row_extent + (known % groups) * (GROUP * CP)
        pixels = tl.load(packed + tl.multiple_of(start, 8)[:, None] + inner[None, :])
        places = group.to(tl.int64)[:, None] * (GROUP * CP) + column[None, :]
        grad = tl.load(grads + places, mask=(group < total)[:, None] & (column < GROUP * CP)[None, :], other=0.0)
        summed = tl.dot(tl.trans(pixels), grad, summed, input_precision="ieee")
    base = partial_ptr + program.to(tl.int64) * (BLOCK_K * COLUMNS)
    tl.store(base + inner[:, None] * COLUMNS + column[None, :], summed)
