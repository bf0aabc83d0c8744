"""The files beside the output say the same for the same findings, whatever order these come in."""

import polars as pl
import pytest

from kintsu.run.sidecar import findings_table


@pytest.mark.parametrize("seed", range(3))
def test_of_findings_that_tie_the_same_one_is_kept(seed):
    lines = pl.DataFrame(
        {
            "row": [None] * 3,
            "column": "contact",
            "kind": "disguised_missing",
            "score": 0.45,
            "confidence": None,
            "detector": "disguised_missing",
            "recipe": None,
            "why": ["'?' stands for a missing value", "'-' stands for a missing value", "'none' stands for one"],
        }
    )
    assert findings_table(lines.sample(fraction=1, shuffle=True, seed=seed))["why"].to_list() == [min(lines["why"])]
