"""When offsets into a tensor need 64 bits.

The rule: the offset of a window, an image or an image row is always computed in int64 (one scalar, or one number for
each row of a tile); offsets inside a window or an image row are computed in 32 bits. ``needs_wide`` says on the host
where those would not do: the launcher then copies the tensor, or gives the kernel a constexpr. May import torch only.
"""

from torch import Tensor

_LIMIT = 2**31


def extent(tensor: Tensor) -> int:
    """Return the largest element offset that an index into the tensor can reach, from its first element, plus one."""
    if 0 in tensor.shape:
        return 0
    return 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))


def needs_wide(*tensors: Tensor) -> bool:
    """Say whether an element of any of the tensors lies at an offset that a signed 32-bit number cannot hold."""
    return any(extent(tensor) > _LIMIT for tensor in tensors)
