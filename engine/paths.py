"""Where Triptych keeps what outlives a run: its cache folder and its data folder. Standard library and platformdirs only."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Folder for what can be made again (working images, measured answers); `TRIPTYCH_CACHE` overrides it."""
    override = os.environ.get("TRIPTYCH_CACHE")
    if override:
        return Path(override)
    import platformdirs

    return Path(platformdirs.user_cache_dir("triptych", appauthor=False))


def keep_days() -> float:
    """Days after which the canvas of an interrupted job is removed, 14 unless `TRIPTYCH_KEEP_DAYS` says otherwise."""
    try:
        return max(0.0, float(os.environ.get("TRIPTYCH_KEEP_DAYS", "")))
    except ValueError:
        return 14.0


def data_folder() -> Path:
    """Folder for what a person added (checkpoints); `TRIPTYCH_DATA` overrides it."""
    override = os.environ.get("TRIPTYCH_DATA")
    if override:
        return Path(override)
    import platformdirs

    return Path(platformdirs.user_data_dir("triptych", appauthor=False))
