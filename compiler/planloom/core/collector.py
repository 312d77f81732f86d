"""Python's collector of cycles, paused while a big value is built that has none and is alive to the end."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def paused_collector() -> Iterator[None]:
    """Keep Python from looking for cycles again and again in millions of values: up to half of the time, and more with each value.

    Guarantee: the collector is afterwards as it was before.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
