"""What the Triton kernels of all operators share; importing this package or its modules does not import Triton.

``versions`` says whether kernels can run here and why not, ``targets`` names the devices that tiles are shipped for,
``offsets`` says when 32-bit offsets are too small, ``launch`` starts a kernel or records it, ``compile_ahead`` compiles
what was recorded for a device that need not be present. May import torch and the standard library; Triton only inside
the functions of ``compile_ahead``.
"""
