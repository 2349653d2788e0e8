"""The published algorithms, written plainly for inference: what ours are measured against.

Each module follows its paper's own order of operations and memory layout (feature maps as planes, whole attention maps,
gathered keys) and takes the state dict of our network, so that both can be compared on equal weights. May import torch
only; nothing in `engine.models` or `kernels` is used.
"""
