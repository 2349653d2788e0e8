"""numpy, loaded when it is first used.

The window's first picture needs no numpy, and importing it takes as much processor time as a bare window of Qt's needs in all
(`triptych bench app`). Modules that the window imports take `np` from here; all others import numpy itself. Imports the standard
library only.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["np"]

if TYPE_CHECKING:
    import numpy as np
else:

    class _Deferred:
        """Stands for a module: imports it when something of it is asked for, and keeps what was asked for."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, attribute: str) -> Any:
            found = getattr(import_module(self._name), attribute)
            setattr(self, attribute, found)
            return found

    np = _Deferred("numpy")
