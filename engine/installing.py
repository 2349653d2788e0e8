"""Adding a checkpoint to the list of models: checked by a worker, then copied as safetensors into the person's data folder.

Imports the parent half of `engine`, never torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine import catalog, paths
from engine.errors import CheckpointError, UsageError
from engine.messages import ModelInfo, ModelRequest
from engine.outputs import safe_name

if TYPE_CHECKING:
    from engine.client import Engine

_FAMILIES = ("esc", "sscan", "pft")


def install(engine: Engine, file: Path) -> tuple[catalog.CatalogEntry, ModelInfo]:
    """Adds the checkpoint and returns its entry in the list, and what it is; nothing in the file is run.

    Raises CheckpointError where it is none of the three models, and UsageError where its name is taken.
    """
    if not file.is_file():
        raise CheckpointError(f"There is no file {file}.")
    folder = paths.data_folder() / "weights"
    name = safe_name(file.stem)
    if any(entry.name == name for entry in catalog.list_models()) or name in _FAMILIES:
        raise UsageError(f"There is a model named {name} already.", "Rename the file, or remove that model first.")
    partial = folder / f"{name}.partial"
    try:
        info = engine.install(ModelRequest(str(file)), partial).info
        destination = folder / f"{name.removesuffix(f'_x{info.scale}')}_x{info.scale}.safetensors"
        if destination.exists():
            raise UsageError(
                f"There is a model in {destination.name} already.", "Rename the file, or remove that model first."
            )
        partial.replace(destination)
    finally:
        partial.unlink(missing_ok=True)
    return next(each for each in catalog.list_models() if each.path == destination), info
