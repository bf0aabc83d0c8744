"""Every registered name can be loaded, and says what it is."""

import pytest

from kintsu.core import registry
from kintsu.core.errors import UsageError
from kintsu.core.registered import BUILT_IN
from kintsu.core.vocabulary import KINDS


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, members in BUILT_IN.items() for name in members])
def test_every_member_loads_and_knows_its_name(kind, name):
    assert registry.load(kind, name).name == name


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UsageError, match="unknown detector 'nobody'; known: "):
        registry.load("detectors", "nobody")


def test_every_kind_has_a_dimension():
    assert {"missing", "typo", "dependency", "duplicate"} <= KINDS
