"""Where a result goes and how it is written, as the command line would do it. Imports the parent half of `engine` when called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.canvas import RasterRef
    from engine.messages import EncodeOptions, ImageInfo
    from engine.outputs import Target


def default_path(canvas: RasterRef, info: ImageInfo, label: str, scale: int, target: Target) -> Path:
    """Returns where the command line would write this result: beside its input, `photo_esc_x2.png`, or as `target` says."""
    from engine.outputs import default_encode_options, extension_for, output_folder, output_path

    source = Path(info.path)
    return output_path(
        source,
        output_folder(source, Path(), target),
        target.template,
        model=label,
        scale=scale,
        width=canvas.width,
        height=canvas.height,
        extension=extension_for(default_encode_options(info, target.format).format, source),
    )


def save_target(
    canvas: RasterRef, info: ImageInfo, label: str, scale: int, target: Target, path: Path | None
) -> tuple[Path, EncodeOptions]:
    """Returns where a result goes and how it is written, as the command line would do it.

    The extension of `path` names the format. A path without one, or with one that names no format, gets the extension of
    the default. Raises OutputError where the format cannot hold the result.
    """
    from engine.imaging import formats
    from engine.outputs import default_encode_options

    wanted = formats.format_of_extension(path.suffix) if path is not None else None
    options = default_encode_options(info, wanted or target.format, target.quality)
    formats.check_output(options.format, options.bit_depth, canvas.height, canvas.width)
    if path is None or wanted is None:
        default = default_path(canvas, info, label, scale, target)
        path = default if path is None else path.with_name(path.name + default.suffix)
    return path, options
