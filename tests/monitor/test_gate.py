"""What holds and what stops a batch."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kintsu.core.errors import UsageError
from kintsu.monitor.gate import DECISIONS, decide
from kintsu.monitor.issue import ISSUES
from kintsu.monitor.judge import BatchJudgement, Cause

CLEAN = BatchJudgement(False, 0.2, "none", (), (), "judged", 30)
LEARNING = BatchJudgement(False, 0.0, "none", (), (), "learning", 3)


def alarm(issue: str) -> BatchJudgement:
    return BatchJudgement(True, 2.0, issue, ("x",), (Cause("x", "null", 2.0, "half is empty", "none"),), "judged", 30)


judgements = st.sampled_from([None, CLEAN, LEARNING, *(alarm(issue) for issue in ISSUES if issue != "none")])


@given(
    judgements,
    st.lists(st.sampled_from(["rows >= 5", "duplicates <= 0"]), max_size=2),
    st.none() | st.floats(0, 100),
    st.none() | st.floats(0, 100),
    st.sampled_from(DECISIONS),
)
def test_the_gravest_reason_decides_and_none_passes(judgement, missed, score, fail_under, while_learning):
    told = decide(judgement, missed, score, fail_under=fail_under, while_learning=while_learning)
    decisions = [reason.decision for reason in told.reasons]
    assert told.decision == max(decisions, key=DECISIONS.index, default="pass") == (decisions or ["pass"])[0]
    assert told.passed == (not told.reasons) == (told.exit_code == 0)
    assert told.reason and json.loads(json.dumps(told.to_dict()))["reason"] == told.reason
    n_expected = len(missed) + (judgement is not None and judgement.alarm)
    n_expected += judgement is LEARNING and while_learning != "pass"
    n_expected += score is not None and fail_under is not None and score < fail_under
    assert len(told.reasons) == n_expected


@pytest.mark.parametrize(("issue", "decision"), [("volume", "hold"), ("timeliness", "hold"), ("schema", "stop")])
def test_what_may_still_become_whole_is_held(issue, decision):
    told = decide(alarm(issue))
    assert told.decision == decision and told.exit_code == 1
    assert told.reason == f"{issue}: half is empty; none was expected"


def test_a_type_mismatch_is_told_in_words():
    assert decide(alarm("type_mismatch")).reason.startswith("type mismatch: ")


def test_a_wrong_word_is_told():
    with pytest.raises(UsageError, match="while_learning is one of pass, hold, stop, not 'wait'"):
        decide(LEARNING, while_learning="wait")
