"""What can be opened, and which models there are. Imports the parent half of `engine` when called, not before."""

from __future__ import annotations

from engine.catalog import CatalogEntry


def readable_extensions() -> tuple[str, ...]:
    """Returns the extensions of the images that can be opened, with the dot."""
    from engine.imaging import formats

    return formats.readable_extensions()


def readable_formats() -> list[str]:
    """Returns the names of the image formats that can be opened, as people write them."""
    from engine.imaging import formats

    names = dict.fromkeys(formats.format_of_extension(extension) for extension in formats.readable_extensions())
    return [formats.format_named(name).title for name in names if name is not None]


def read_catalog() -> list[CatalogEntry]:
    """Returns the models there are."""
    from engine.catalog import list_models

    return list_models()
