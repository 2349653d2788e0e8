"""The memory panel: where the memory of the GPU, or without one of the worker, goes over time.

Imports Qt, numpy, `app` and the plain data of `engine`; pyqtgraph only in `timeline` and its `curves`, loaded when the panel is
first seen.
"""
