"""The parent's half of the engine: starts the I/O process and the workers, talks to them, and outlives them.

Imports the standard library and the plain modules of `engine`; never torch, never a codec. The command line and the window
are both clients of `Engine`, so a fault reproduces without a window. Inside: `patience` (how long is waited for what), `process`
(one child and its pipe), `schedule` (which tile or seam is next), `crew` (the workers of one job), `engine` (what callers see).
"""

from engine.client.engine import Engine, JobOrigin, Upscaled
from engine.client.patience import Patience, Stalled

__all__ = ["Engine", "JobOrigin", "Patience", "Stalled", "Upscaled"]
