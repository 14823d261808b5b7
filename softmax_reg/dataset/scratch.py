"""Arrays that a thread uses again for every block, in place of new ones."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scratch"]


class Scratch(threading.local):
    """Arrays by name, in each thread its own; what a copy by pickle has is not kept.

    A large new array is memory that the system has to hand out, page by page.
    """

    def array(self, name: str, shape: tuple[int, ...], dtype: Any) -> NDArray:
        """Return an array with any content, the same memory for the same name."""
        size = math.prod(shape)
        memory = self.__dict__.get(name)
        if memory is None or memory.size < size or memory.dtype != dtype:
            memory = self.__dict__[name] = np.empty(size, dtype)
        return memory[:size].reshape(shape)

    def __reduce__(self) -> tuple[type[Scratch], tuple[()]]:
        return Scratch, ()
