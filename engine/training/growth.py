"""Growing a trained network into a larger one of its architecture: wider, deeper, with larger windows.

The larger network begins by computing what the small one does, and trains on from there (after "Net2Net", Chen et al.,
ICLR 2016; by other means, since channels that are copied change no gradient until something tells them apart):

* New channels of the residual stream carry the mean of the old ones. Everything that writes to the stream is linear, so
  they do so to the end, and a LayerNorm then takes the same mean from the old channels, a standard deviation that is smaller
  by a factor known ahead, which its weights make up for, and zero from the new ones: who reads them may begin at random.
* New units inside a layer begin at random, and what reads them with zeros: they change nothing, and have a gradient.
* New layers begin with zeros where they write to the stream.

ESC with equal windows and SSCAN are grown exactly. Windows that grow let a query see more keys: those beyond the old
offsets begin with a bias that leaves them little. PFT has narrower heads at its light size, and a norm at the start of its
stream: what it computes is near.

May import torch, engine.models and engine.errors.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import CheckpointError

__all__ = ["grow"]

# Arguments of the three networks that may grow and not shrink.
_SIZES = (
    "dim",
    "embed_dim",
    "pdim",
    "n_blocks",
    "conv_blocks",
    "depth",
    "num_heads",
    "window_size",
    "kernel_size",
    "convffn_kernel_size",
)

# What a bias table gives to offsets that the old window did not hold, below what the nearest offset has: e^-5 of a share.
_BEYOND = -5.0


def grow(
    model: nn.Module, arguments: Mapping[str, Any], tensors: Mapping[str, Tensor], small: Mapping[str, Any]
) -> dict[str, Tensor]:
    """Return weights for `model` (fresh, built with `arguments`) that compute what a smaller network does.

    `tensors`, `small`: the state and the constructor arguments of a network of the same architecture and scale. Raises
    CheckpointError where it is not smaller in every respect.
    """
    kind = type(model).__name__
    plan = {"ESC": _Esc, "SSCAN": _Sscan, "PFT": _Pft}.get(kind)
    if plan is None:
        raise CheckpointError(f"{kind} cannot be grown.", "ESC, SSCAN and PFT can.")
    for key in _SIZES:
        if key in small and small[key] > arguments.get(key, small[key]):
            raise CheckpointError(f"{key} would shrink: {small[key]} to {arguments[key]}.", "Grow a smaller network.")
    return plan(model, arguments, tensors, small).grown()


class _Growth:
    """What the architectures share. `own`: the fresh state of the larger network; `old`: that of the smaller one."""

    def __init__(
        self, model: nn.Module, arguments: Mapping[str, Any], tensors: Mapping[str, Tensor], small: Mapping[str, Any]
    ) -> None:
        # On the CPU, wherever the model is: what is put together here is small, and loaded afterwards.
        self.own = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
        self.old = {name: value.detach().cpu() for name, value in tensors.items()}
        self.arguments, self.small = arguments, small

    def grown(self) -> dict[str, Tensor]:
        """Return the larger network's state."""
        for name in self.own:
            source = self.source(name)
            if source is None:
                self.begin(name)
            elif source not in self.old:
                raise CheckpointError(
                    f"The smaller network has no {source}.", "Grow from weights of the same architecture."
                )
            else:
                self.widen(name, self.old[source].float())
        return self.own

    def source(self, name: str) -> str | None:
        """Return the smaller network's name for a tensor; None where it is part of a new layer."""
        raise NotImplementedError

    def begin(self, name: str) -> None:
        """Begin a tensor of a new layer."""
        raise NotImplementedError

    def widen(self, name: str, old: Tensor) -> None:
        """Put an old tensor into its larger one."""
        raise NotImplementedError

    def put(
        self, name: str, old: Tensor, rows: Tensor | None, columns: Tensor | None, *, mean: bool, zero: bool
    ) -> None:
        """Put an old tensor at some rows and columns of its larger one (None: the first ones), the middle of its taps.

        `mean`: the other rows become the mean of the old ones; else they stay as they are. `zero`: old rows read nothing
        from new columns.
        """
        own = self.own[name]
        if any(new < before for new, before in zip(own.shape, old.shape, strict=True)):
            raise CheckpointError(
                f"{name} would shrink: {tuple(old.shape)} to {tuple(own.shape)}.", "Grow a smaller one."
            )
        rows = torch.arange(old.shape[0]) if rows is None else rows
        if old.ndim == 1:
            own[rows] = old
        else:
            columns = torch.arange(old.shape[1]) if columns is None else columns
            filled = torch.zeros_like(own[rows]) if zero else own[rows]
            taps = [
                slice((new - before) // 2, (new + before) // 2)
                for new, before in zip(own.shape, old.shape, strict=True)
            ]
            if old.ndim == 4:
                # A larger kernel begins as the smaller one in its middle.
                kept = torch.zeros_like(filled[:, columns])
                kept[:, :, taps[2], taps[3]] = old
                filled[:, columns] = kept
            else:
                filled[:, columns] = old
            own[rows] = filled
        if mean:
            others = torch.ones(own.shape[0], dtype=torch.bool)
            others[rows] = False
            own[others] = own[rows].mean(dim=0, keepdim=True)

    def writes(self, name: str, old: Tensor, columns: Tensor | None = None, *, zero: bool = True) -> None:
        """Widen what writes to the stream."""
        self.put(name, old, None, columns, mean=True, zero=zero)

    def norm(self, name: str, old: Tensor) -> None:
        """Widen a LayerNorm over the stream: its standard deviation is smaller with channels that lie at the mean."""
        own = self.own[name]
        if name.endswith(".weight"):
            factor = math.sqrt(old.shape[0] / own.shape[0])
            own[:] = old.mean() * factor
            own[: old.shape[0]] = old * factor
        else:
            own[:] = 0.0
            own[: old.shape[0]] = old

    def project(self, name: str, old: Tensor) -> None:
        """Widen a joint projection to q, k and v; new heads ask for nothing yet (q is zero), so that they look evenly."""
        count, before = int(self.arguments["num_heads"]), int(self.small["num_heads"])
        dim = self.own[name].shape[0] // (3 * count)
        if old.shape[0] // (3 * before) != dim:
            raise CheckpointError("The smaller network's heads are of another width.", "Grow one with equal heads.")
        rows = torch.arange(3 * count * dim).view(3, count, dim)[:, :before].flatten()
        self.put(name, old, rows, None, mean=False, zero=False)
        self.own[name][before * dim : count * dim] = 0.0

    def bias(self, old: Tensor) -> Tensor:
        """Return a bias table (heads, (2M-1)^2) for the larger window."""
        new, before = int(self.arguments["window_size"]), int(self.small["window_size"])
        side, side_before, margin = 2 * new - 1, 2 * before - 1, new - before
        table = old.reshape(-1, 1, side_before, side_before)
        grown = nn.functional.pad(table, (margin,) * 4, mode="replicate")
        beyond = torch.ones(side, side, dtype=torch.bool)
        beyond[margin : side - margin, margin : side - margin] = False
        return (grown[:, 0] + _BEYOND * beyond).flatten(1)


class _Esc(_Growth):
    def source(self, name: str) -> str | None:
        block = re.match(r"blocks\.(\d+)\.", name)
        inner = re.search(r"\.(?:pconvs|convffns|lns)\.(\d+)\.", name)
        is_new = (block and int(block[1]) >= self.small["n_blocks"]) or (
            inner and int(inner[1]) >= self.small["conv_blocks"]
        )
        return None if is_new else name

    def begin(self, name: str) -> None:
        if re.search(r"\.pconvs\.\d+\.aggr\.|\.conv_out\.", name):
            self.own[name].zero_()

    def _partial(self) -> Tensor:
        """Return the places of old channels where the first P of them see the large kernel, and after the new P the rest."""
        new, before = int(self.arguments["pdim"]), int(self.small["pdim"])
        rest = int(self.small["dim"]) - before
        return torch.cat([torch.arange(before), torch.arange(new, new + rest)])

    def widen(self, name: str, old: Tensor) -> None:
        if re.search(r"ln_\w+\.|\.lns\.", name):
            self.norm(name, old)
        elif re.fullmatch(r"proj\.\w+|blocks\.\d+\.conv_out\.\w+", name):
            self.writes(name, old, zero=False)
        elif re.search(r"\.proj\.aggr\.|\.to_out\.|^last\.", name):
            self.writes(name, old)
        elif re.search(r"\.pconvs\.\d+\.aggr\.", name):
            self.writes(name, old, self._partial())
        elif re.search(r"\.convffns\.\d+\.aggr\.", name):
            self.put(name, old, self._partial(), None, mean=False, zero=True)
        elif re.search(r"\.to_qkv\.", name):
            self.project(name, old)
        elif name.endswith("relative_position_bias"):
            self.own[name][: old.shape[0]] = self.bias(old)
        elif re.match(r"blocks\.\d+\.proj\.proj\.", name):
            self.put(name, old, None, None, mean=False, zero=False)
        else:
            # What reads the stream without a norm, and what lies inside a layer.
            self.put(name, old, None, None, mean=False, zero=True)


class _Sscan(_Growth):
    def source(self, name: str) -> str | None:
        block, layer = re.match(r"blocks\.(\d+)\.", name), re.search(r"\.layers\.(\d+)\.", name)
        is_new = (block and int(block[1]) >= self.small["n_blocks"]) or (layer and int(layer[1]) >= self.small["depth"])
        return None if is_new else name

    def begin(self, name: str) -> None:
        if re.search(r"\.attn\.proj\.|\.fc2\.|blocks\.\d+\.conv\.", name):
            self.own[name].zero_()
        elif re.search(r"\.qkv\.weight", name):
            # Random queries would choose windows at random: begin with the order of the windows, as equals are chosen.
            self.own[name][: self.own[name].shape[0] // 3].zero_()

    def widen(self, name: str, old: Tensor) -> None:
        if ".norm" in name:
            self.norm(name, old)
        elif re.search(r"\.attn\.proj\.|\.fc2\.|\.conv\.|^conv_", name):
            self.writes(name, old)
        elif ".qkv." in name:
            self.project(name, old)
        elif ".fc1." in name:
            self.put(name, old, None, None, mean=False, zero=False)
        else:
            self.put(name, old, None, None, mean=False, zero=True)


class _Pft(_Growth):
    """PFT: old blocks go where the number of kept keys suits; a head that has become narrower is approximated."""

    def __init__(
        self, model: nn.Module, arguments: Mapping[str, Any], tensors: Mapping[str, Tensor], small: Mapping[str, Any]
    ) -> None:
        super().__init__(model, arguments, tensors, small)
        self.blocks = _places(small, arguments)

    def source(self, name: str) -> str | None:
        found = re.match(r"layers\.(\d+)\.(?:residual_group\.layers\.(\d+)\.)?(.*)", name)
        if found is None:
            return name
        block = self.blocks.get(int(found[1]))
        if block is None or (found[2] is not None and int(found[2]) >= self.small["depths"][block]):
            return None
        inner = f"residual_group.layers.{found[2]}." if found[2] is not None else ""
        return f"layers.{block}.{inner}{found[3]}"

    def begin(self, name: str) -> None:
        if re.search(r"attn_win\.|\.fc2\.|layers\.\d+\.conv\.", name):
            # An even map times the carried one leaves it as it is, so the bias table begins with zeros too.
            self.own[name].zero_()
        elif ".wqkv." in name:
            self.own[name][: self.own[name].shape[0] // 3].zero_()

    def widen(self, name: str, old: Tensor) -> None:
        if name == "relative_position_index_SA":
            return
        if name.startswith("patch_embed.norm."):
            self.norm(name, old)
            if name.endswith(".bias"):
                self.own[name][old.shape[0] :] = old.mean()
        elif "norm" in name:
            self.norm(name, old)
        elif name.startswith("conv_after_body."):
            self.writes(name, old, zero=False)
        elif re.search(r"\.fc2\.|\.conv\.|^conv_first\.", name):
            self.writes(name, old)
        elif name.endswith("attn_win.proj.weight"):
            self.writes(name, old, self._values())
        elif name.endswith("attn_win.proj.bias"):
            self.writes(name, old)
        elif name.endswith("relative_position_bias_table"):
            self.own[name][:] = self.bias(old.t()).t()
        elif name.endswith(".wqkv.weight"):
            self._project(name.removesuffix(".weight"))
        elif name.endswith(".wqkv.bias"):
            # Beside the weights, with which it makes up the logits.
            return
        elif ".v_LePE." in name:
            self.put(name, old, self._values(), None, mean=False, zero=True)
        elif ".fc1." in name:
            self.put(name, old, None, None, mean=False, zero=False)
        else:
            self.put(name, old, None, None, mean=False, zero=True)

    def _widths(self) -> tuple[int, int, int, int]:
        count, before = int(self.arguments["num_heads"]), int(self.small["num_heads"])
        return (
            count,
            int(self.arguments["embed_dim"]) // count,
            before,
            int(self.small["embed_dim"]) // before,
        )

    def _values(self) -> Tensor:
        """Return the new place of every old channel of v: what a narrower head cannot hold goes to a copy of the head."""
        count, dim, before, old_dim = self._widths()
        copies = -(-old_dim // dim)
        if count < copies * before:
            raise CheckpointError("The smaller network's heads are too wide.", "Grow one with narrower heads.")
        places = [
            (head + before * (channel // dim)) * dim + channel % dim
            for head in range(before)
            for channel in range(old_dim)
        ]
        return torch.tensor(places)

    def _project(self, name: str) -> None:
        count, dim, before, old_dim = self._widths()
        source = self.source(f"{name}.weight")
        weight, bias = self.old[str(source)].float(), self.old[str(source).removesuffix(".weight") + ".bias"].float()
        width, old_width = count * dim, before * old_dim
        own_weight, own_bias = self.own[f"{name}.weight"], self.own[f"{name}.bias"]
        own_weight[:width] = 0.0
        own_bias[:width] = 0.0
        joint = torch.cat([weight, bias[:, None]], dim=1).double()
        for head in range(before):
            rows = slice(head * old_dim, (head + 1) * old_dim)
            q, k = _narrowed(joint[:old_width][rows], joint[old_width : 2 * old_width][rows], dim)
            for copy in range(-(-old_dim // dim)):
                start = (head + before * copy) * dim
                for part, values in ((0, q), (1, k)):
                    here = slice(part * width + start, part * width + start + values.shape[0])
                    own_weight[here, : weight.shape[1]] = values[:, :-1]
                    own_weight[here, weight.shape[1] :] = 0.0
                    own_bias[here] = values[:, -1]
        places = 2 * width + self._values()
        own_bias[2 * width :] = 0.0
        own_weight[places, : weight.shape[1]] = weight[2 * old_width :]
        own_bias[places] = bias[2 * old_width :]


def _narrowed(q: Tensor, k: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Return projections of at most `dim` rows whose logits, scaled by their width, are nearest to those of q and k."""
    if q.shape[0] <= dim:
        factor = (dim / q.shape[0]) ** 0.25
        return (q * factor).float(), (k * factor).float()
    left, values, right = torch.linalg.svd(q.t() @ k)
    root = values[:dim].sqrt()[:, None] * (dim / q.shape[0]) ** 0.25
    return (root * left[:, :dim].t()).float(), (root * right[:dim]).float()


def _places(small: Mapping[str, Any], large: Mapping[str, Any]) -> dict[int, int]:
    """Say which old block each new one continues: the first that keeps as few keys, by share of the window, and is as deep."""

    def shares(arguments: Mapping[str, Any]) -> list[float]:
        tokens, starts = arguments["window_size"] ** 2, [0]
        for depth in arguments["depths"]:
            starts.append(starts[-1] + depth)
        return [arguments["num_topk"][start] / tokens for start in starts[:-1]]

    places: dict[int, int] = {}
    following = 0
    olds, news = shares(small), shares(large)
    for block, share in enumerate(olds):
        left = len(olds) - block
        fitting = [
            place
            for place in range(following, len(news) - left + 1)
            if small["depths"][block] <= large["depths"][place] and (news[place] <= share or place == len(news) - left)
        ]
        if not fitting:
            raise CheckpointError("The smaller network has more or deeper blocks.", "Grow one with fewer.")
        places[fitting[0]] = block
        following = fitting[0] + 1
    return places
