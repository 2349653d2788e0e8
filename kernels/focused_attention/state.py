"""The state that focused attention carries from layer to layer of one parity.

Shapes: W windows, H heads, N tokens of a window, D head dimension, K kept keys. May import torch and what ``kernels``
shares.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from kernels.precision import accumulate_dtype
from kernels.relative_bias import bias_matrix, region_penalty

# Added to every product of the carried values, and again to their sum, as the published network does.
FLOOR = 1e-20


@dataclass(frozen=True)
class DenseLayer:
    """What is kept of a layer that attended to all keys, enough to compute its map again.

    ``q, k``: (W, H, N, D), where D may be filled up with zeros, which change no product; ``bias_table``: (H or 1,
    (2M-1)^2); ``regions``: (windows per image, N) int8 or None;
    ``log_sum_exp``: (W, H, N), of its logits over the keys; ``norm``: (W, H, N), what its product with the layer before
    was divided by (1 for a first layer, whose map is the softmax itself). Both are float32 (float64 for float64 inputs)
    and caches: gradients go through q, k and the table.
    """

    q: Tensor
    k: Tensor
    bias_table: Tensor
    window_size: int
    regions: Tensor | None
    scale: float
    log_sum_exp: Tensor
    norm: Tensor

    def logits(self, windows: slice, rows: slice) -> Tensor:
        """Compute the logits of some windows and query rows, (windows, H, rows, N), in the accumulation dtype."""
        dtype = accumulate_dtype(self.q.dtype)
        bias = bias_matrix(self.bias_table.to(dtype), self.window_size)[:, rows]
        logits = (self.q[windows, :, rows].to(dtype) * self.scale) @ self.k[windows].to(dtype).mT + bias
        if self.regions is not None:
            logits = logits + region_penalty(self.regions, windows, dtype)[:, :, rows]
        return logits


@dataclass(frozen=True)
class FocusState:
    """What the next layer of the same parity needs: the surviving keys, or the dense layers so far.

    ``values``: (W, H, N, K) float32 (float64 for float64 inputs), not renormalised after selecting; ``indices``: (W, H,
    N, K) int16, the keys they belong to. Both are None until a layer selects. Until then ``dense`` holds one entry for
    each layer so far, from which their product is computed again: O(N·D) memory, not O(N²).
    """

    values: Tensor | None = None
    indices: Tensor | None = None
    dense: tuple[DenseLayer, ...] = ()

    def materialise(self) -> tuple[Tensor, Tensor]:
        """Return the carried values and their keys as (W, H, N, K) tensors; K is N while no layer has selected.

        For tests and the inspector: a dense state is expanded to its full maps. Raises ``ValueError`` for a state
        without a layer.
        """
        if self.values is not None and self.indices is not None:
            return self.values, self.indices
        if not self.dense:
            raise ValueError("the state holds no layer yet")
        windows, _, tokens, _ = self.dense[0].q.shape
        values = carried_map(self.dense, slice(0, windows), slice(0, tokens))
        keys = torch.arange(tokens, dtype=torch.int16, device=values.device)
        return values, keys.expand(values.shape)


def multiply_carried(probabilities: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
    """Multiply by the carried values and renormalise: (p·a + 1e-20) / z with z = Σ(p·a + 1e-20) + 1e-20.

    Returns the new values and z without its last axis. The floor and the division belong to each step.
    """
    product = probabilities * carried + FLOOR
    norm = product.sum(dim=-1, keepdim=True) + FLOOR
    return product / norm, norm[..., 0]


def carried_map(dense: tuple[DenseLayer, ...], windows: slice, rows: slice) -> Tensor:
    """Compute the product map of dense layers again for some windows and rows, (windows, H, rows, N).

    A row holds all its keys, so its softmax needs no cached sum, and gradients flow through it.
    """
    carried = dense[0].logits(windows, rows).softmax(dim=-1)
    for layer in dense[1:]:
        carried, _ = multiply_carried(layer.logits(windows, rows).softmax(dim=-1), carried)
    return carried
