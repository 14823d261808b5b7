"""`cached_property`: an attribute that is computed when first asked for, without a lock.

That of functools holds, in Python 3.11, one lock for all instances of a class while it computes:
fits in several threads would wait for one another, and the child of a fork would wait for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

__all__ = ["cached_property"]

T_co = TypeVar("T_co", covariant=True)


class cached_property(Generic[T_co]):
    """What `function` returns for an instance, kept in the instance's `__dict__`.

    Threads that ask at the same time may each compute it; all of them get the one kept first.
    Writing to the name, or removing it from the `__dict__`, replaces or forgets what is kept.

    Parameters
    ----------
    function : callable (instance) -> value
    """

    def __init__(self, function: Callable[[Any], T_co]) -> None:
        self.function, self.name = function, ""
        self.__doc__ = function.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        if self.name not in ("", name):
            raise TypeError(f"One cached_property was given two names, {self.name!r} and {name!r}.")
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type | None = None) -> T_co: ...

    def __get__(self, instance: object | None, owner: type | None = None) -> Self | T_co:
        # Python asks only while the instance has no attribute of that name.
        if instance is None:
            return self
        value: T_co = instance.__dict__.setdefault(self.name, self.function(instance))
        return value

    if TYPE_CHECKING:
        # Not there when it runs, for then Python would ask here first; but instances take a value.
        def __set__(self, instance: object, value: Any) -> None: ...
