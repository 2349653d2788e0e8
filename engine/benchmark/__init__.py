"""End-to-end benchmarks of the networks: ours beside the published algorithms, in one run.

`published` holds the yardsticks, `cases` says what is compared with what, `networks` is the table of `triptych bench models`,
`footprint` the peak memory of one side, `scoring_memory` the memory of SSCAN's scoring step. May import torch, numpy, kernels,
engine.models and engine.memory, and needs nothing else installed: it runs from a bare checkout.
"""
