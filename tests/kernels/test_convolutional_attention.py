"""convolutional_attention against a definition written out in float64, on every backend that a CPU has."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from kernels import convolutional_attention
from kernels.convolutional_attention import sdpa
from kernels.testing import GRADIENT_LIMIT, OUTPUT_LIMIT, PoisonedMemory, random_windows, relative_error

BACKENDS = ("reference", "sdpa")


def naive(x: Tensor, static: Tensor, dynamic: Tensor) -> Tensor:
    """Add up shifted copies of the zero-padded input, tap by tap, in float64."""
    x, static, dynamic = (t.double() for t in (x, static, dynamic))
    height, width = x.shape[2:]
    reach = static.shape[-1] // 2
    wide = F.pad(x, (reach,) * 4)
    out = torch.zeros_like(x)
    for i in range(static.shape[-1]):
        for j in range(static.shape[-1]):
            out = out + torch.einsum("bchw,oc->bohw", wide[:, :, i : i + height, j : j + width], static[:, :, i, j])
    for i in range(3):
        for j in range(3):
            top, left = i + reach - 1, j + reach - 1
            out = out + wide[:, :, top : top + height, left : left + width] * dynamic[:, :, i, j, None, None]
    return out


def random_case(shape: tuple[int, int, int, int], side: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """Draw x, a static and a dynamic kernel, all asking for gradients."""
    images, channels = shape[:2]
    (x,) = random_windows(shape, 1, seed=1, dtype=dtype)
    (static,) = random_windows((channels, channels, side, side), 1, seed=2, dtype=dtype)
    (dynamic,) = random_windows((images, channels, 3, 3), 1, seed=3, dtype=dtype)
    return [x, static, dynamic]


# The published channels, sides that no block divides, an image smaller than the kernel, other kernel sides.
CASES = [
    ((1, 8, 19, 23), 13),
    ((3, 8, 19, 23), 13),
    ((1, 16, 33, 17), 13),
    ((2, 48, 14, 15), 13),
    ((2, 5, 4, 3), 13),
    ((1, 3, 1, 1), 3),
    ((2, 4, 9, 8), 5),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("shape", "side"), CASES, ids=str)
def test_output_and_gradients(backend: str, shape: tuple[int, int, int, int], side: int) -> None:
    leaves = random_case(shape, side)
    expected = naive(*leaves)
    with PoisonedMemory():
        found = convolutional_attention(*leaves, backend=backend)
    assert relative_error(found, expected) < OUTPUT_LIMIT[torch.float32]
    weight = torch.randn(found.shape, generator=torch.Generator().manual_seed(9))
    wanted = torch.autograd.grad((expected * weight.double()).sum(), leaves)
    with PoisonedMemory():
        given = torch.autograd.grad((found * weight).sum(), leaves)
    for got, want in zip(given, wanted, strict=True):
        assert relative_error(got, want) < GRADIENT_LIMIT[torch.float32]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("images", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_other_dtypes(backend: str, dtype: torch.dtype, images: int) -> None:
    leaves = random_case((images, 8, 11, 17), 13, dtype)
    found, expected = convolutional_attention(*leaves, backend=backend), naive(*leaves)
    assert found.dtype == dtype
    assert relative_error(found, expected) < OUTPUT_LIMIT[dtype]
    wanted = torch.autograd.grad(expected.mean(), leaves)
    for got, want in zip(torch.autograd.grad(found.double().mean(), leaves), wanted, strict=True):
        assert got.dtype == dtype
        assert relative_error(got, want) < GRADIENT_LIMIT[dtype]


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_image_has_its_own_dynamic_kernel(backend: str) -> None:
    x, static, dynamic = (t.detach() for t in random_case((3, 4, 9, 9), 5))
    together = convolutional_attention(x, static, dynamic, backend=backend)
    for i in range(3):
        alone = convolutional_attention(x[i : i + 1], static, dynamic[i : i + 1], backend=backend)
        assert relative_error(together[i : i + 1], alone) < OUTPUT_LIMIT[torch.float32]


@pytest.mark.parametrize("backend", BACKENDS)
def test_strided_input(backend: str) -> None:
    x, static, dynamic = (t.detach() for t in random_case((2, 8, 12, 10), 13))
    # As ESC passes it: the first channels of a larger map.
    inside = torch.cat([x, torch.ones_like(x)], dim=1)[:, :8]
    for view in (inside, x.to(memory_format=torch.channels_last)):
        found = convolutional_attention(view, static, dynamic, backend=backend)
        assert relative_error(found, naive(x, static, dynamic)) < OUTPUT_LIMIT[torch.float32]


@pytest.mark.parametrize("strip_bytes", [1, 1500, 1 << 20])
@pytest.mark.parametrize("side", [3, 13])
@pytest.mark.parametrize("last", [False, True])
def test_strips_of_any_height_without_gradients(
    last: bool, side: int, strip_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sdpa, "_STRIP_BYTES", strip_bytes)
    x, static, dynamic = (t.detach() for t in random_case((2, 4, 21, 10), side))
    form = torch.channels_last if last else torch.contiguous_format
    with PoisonedMemory():
        found = convolutional_attention(x.to(memory_format=form), static, dynamic, backend="sdpa")
    assert relative_error(found, naive(x, static, dynamic)) < OUTPUT_LIMIT[torch.float32]
    assert found.is_contiguous(memory_format=form)


def test_two_runs_give_equal_bits() -> None:
    ends = []
    for _ in range(2):
        leaves = random_case((3, 8, 31, 29), 13)
        out = convolutional_attention(*leaves)
        ends.append([out, *torch.autograd.grad(out.square().sum(), leaves)])
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": torch.zeros(4, 9, 9)}, r"non-empty \(B, C, h, w\); got x \(4, 9, 9\)"),
        ({"static_kernel": torch.zeros(4, 1, 13, 13)}, r"\(4, 4, L, L\).*static_kernel \(4, 1, 13, 13\)"),
        ({"static_kernel": torch.zeros(4, 4, 12, 12)}, r"L odd.*static_kernel \(4, 4, 12, 12\)"),
        ({"static_kernel": torch.zeros(4, 4, 1, 1)}, r"at least 3.*static_kernel \(4, 4, 1, 1\)"),
        ({"dynamic_kernel": torch.zeros(1, 4, 3, 3)}, r"must be \(2, 4, 3, 3\); got .*dynamic_kernel \(1, 4, 3, 3\)"),
        ({"dynamic_kernel": torch.zeros(2, 4, 3, 3).half()}, r"share dtype.*dynamic_kernel \(2, 4, 3, 3\) float16"),
    ],
)
def test_messages_print_the_shapes(change: dict[str, Tensor], message: str) -> None:
    arguments = {
        "x": torch.zeros(2, 4, 9, 9),
        "static_kernel": torch.zeros(4, 4, 13, 13),
        "dynamic_kernel": torch.zeros(2, 4, 3, 3),
    }
    with pytest.raises(ValueError, match=message):
        convolutional_attention(**(arguments | change))
