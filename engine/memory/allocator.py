"""Settles how the C library hands memory out, before torch is loaded.

Imports the standard library.
"""

from __future__ import annotations


def prepare_allocator() -> None:
    """Sets the allocator of this process; without effect where the C library is not glibc."""
