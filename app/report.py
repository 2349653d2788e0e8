"""What a report of an error says of the program and the machine, so that whoever reads it need not ask. Imports no Qt."""

from __future__ import annotations

from engine.errors import Failure


def details_of(failure: Failure) -> str:
    """Returns what the program itself says about a failure: the error's name, and where it happened if that is known."""
    return "\n".join(part for part in (failure.kind, failure.details.strip()) if part)


def surroundings() -> str:
    """Returns the versions and the system, one in a line; nothing of the person or of the images."""
    # Not above: the window is painted before somebody asks, and the first two take some milliseconds.
    import platform
    from importlib.metadata import PackageNotFoundError, version

    def of(package: str) -> str:
        try:
            return f"{package} {version(package)}"
        except PackageNotFoundError:
            return f"{package}: not installed"

    return "\n".join(
        (
            *(of(package) for package in ("triptych", "torch", "triton", "PySide6-Essentials", "numpy")),
            f"Python {platform.python_version()}",
            f"{platform.system()} {platform.release()} {platform.machine()}",
        )
    )
