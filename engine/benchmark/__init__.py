"""End-to-end benchmarks of the networks: ours beside the published algorithms, in one run.

`published` holds the yardsticks, `cases` says what is compared with what, `networks` measures for `triptych bench models`, `side`
is the process of one side on a CPU, `table` the rows and their goals, `scoring_memory` the memory of SSCAN's scoring step. May
import torch, numpy, kernels, engine.models and engine.memory, and needs nothing else installed: it runs from a bare checkout.
"""
