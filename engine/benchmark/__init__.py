"""End-to-end benchmarks of the networks: ours beside the published algorithms, in one run.

`published` holds the yardsticks, `cases` what is compared, `timing` and `footprint` how, `models` the table of
`triptych bench models`, `scoring_memory` the memory of SSCAN's scoring step. May import torch, numpy, kernels, engine.models and
engine.memory; needs nothing else, so it runs from a bare checkout.
"""
