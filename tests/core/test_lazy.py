"""A lazy value is made once, on first use, and nobody waits for the value of another object."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier

import pytest

from kintsu.core.lazy import lazy


@dataclass(frozen=True)
class Sum:
    values: list[int]
    made: list[int] = field(default_factory=list)

    @lazy
    def total(self) -> int:
        """All of them."""
        self.made.append(1)
        return sum(self.values)


def test_it_is_made_once_and_on_first_use():
    one = Sum([1, 2])
    assert one.made == [] and (one.total, one.total) == (3, 3) and one.made == [1]
    assert Sum([5]).total == 5 and Sum.total.__doc__ == "All of them."


def test_an_error_is_not_kept():
    one = Sum(["a"])
    for _ in range(2):
        with pytest.raises(TypeError):
            _ = one.total
    one.values[:] = [4]
    assert one.total == 4


def test_objects_do_not_wait_for_each_other():
    both = Barrier(2, timeout=10)

    class Waits:
        @lazy
        def told(self) -> int:
            return both.wait()  # goes on only if the other is here as well

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(lambda one: one.told, [Waits(), Waits()])) == [0, 1]
