"""Rows keep their identity: laws over a list that records are taken from and put into."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsu.run.numbering import GAP, Numbering

steps = st.lists(st.tuples(st.booleans(), st.sets(st.integers(0, 12), max_size=4)), max_size=8)


def ints(values) -> np.ndarray:
    return np.array(list(values), dtype=np.int64)


@settings(deadline=None)
@given(height=st.integers(0, 8), steps=steps)
def test_keys_and_rows_follow_a_real_list(height, steps):
    records, numbering = [row * GAP for row in range(height)], Numbering()
    for adds, places in steps:
        if adds:
            rows = [place for place in sorted(places) if place < len(records) + len(places)]
            rows = [row for i, row in enumerate(rows) if row - i <= len(records)]
            keys = numbering.new_keys(ints(rows))
            for row, key in zip(rows, keys.tolist(), strict=True):
                records.insert(row, key)
            numbering = numbering.with_(keys)
        else:
            gone = [records[place] for place in places if place < len(records)]
            records = [key for key in records if key not in gone]
            numbering = numbering.without(ints(gone))
        assert records == sorted(records)
        assert len(set(records)) == len(records)
        assert numbering.keys(np.arange(len(records))).tolist() == records
        assert numbering.rows(ints(records)).tolist() == list(range(len(records)))


@settings(deadline=None)
@given(st.sets(st.integers(0, 9)))
def test_what_comes_back_lies_where_it_lay(rows):
    keys = ints(sorted(rows)) * GAP
    without = Numbering().without(keys)
    assert without.with_(keys).keys(np.arange(10)).tolist() == [row * GAP for row in range(10)]
    assert without.with_(keys).rows(keys).tolist() == sorted(rows)


def test_row_ids_of_a_database_never_shift():
    numbering = Numbering(shifts=False).without(ints([GAP]))
    assert numbering.rows(ints([5 * GAP])).tolist() == [5] and numbering.keys(ints([5])).tolist() == [5 * GAP]
