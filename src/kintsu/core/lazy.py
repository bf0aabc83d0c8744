"""Values of an object that are made on first use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

__all__ = ["lazy"]

T = TypeVar("T")


class lazy(Generic[T]):
    """A property that is worked out once for an object.

    As `functools.cached_property`, whose form in Python 3.11 lets one thread at a time work it out for all objects of
    a class: requests of a service would wait for each other. Two threads that ask the same object at once may both
    work it out here, and one of the results stays.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self.make, self.name, self.__doc__ = make, make.__name__, make.__doc__

    @overload
    def __get__(self, of: None, _class: type) -> Self: ...
    @overload
    def __get__(self, of: object, _class: type | None = None) -> T: ...
    def __get__(self, of: object | None, _class: type | None = None) -> T | Self:
        if of is None:
            return self
        value = of.__dict__[self.name] = self.make(of)  # found there from now on: this has no __set__
        return value
