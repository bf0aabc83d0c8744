"""Alerts become incidents: what opens, goes on, rises, ends and comes back, and what is told of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kintsu.core.errors import UsageError
from kintsu.core.notice import LEVELS, Notice
from kintsu.core.settings import parse_settings
from kintsu.monitor.alerts import AlertPolicy, policy_from
from kintsu.monitor.incidents import Incident, JudgedBatch, acknowledge, advance, follow, forgive, resolve
from kintsu.monitor.judge import BatchJudgement, Cause

START = datetime(2026, 11, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def alarm(issue: str = "missing", *columns: str) -> BatchJudgement:
    statistic = "rows" if issue == "volume" else "null"
    causes = [Cause(c, statistic, 3.0, f"40.0 % of the cells of `{c}` are empty", "0.0 % to 1.0 %") for c in columns]
    found = tuple(causes) or (Cause(None, statistic, 2.0, "12 rows came", "90 to 110"),)
    return BatchJudgement(True, 3.0, issue, columns, found, "judged", 30)


CLEAN = BatchJudgement(False, 0.4, "none", (), (), "judged", 30)
LEARNING = BatchJudgement(False, 0.0, "none", (), (), "learning", 3)

judgements = st.one_of(
    st.just(CLEAN),
    st.just(LEARNING),
    st.builds(lambda c: alarm("missing", *c), st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True)),
    st.builds(lambda c: alarm("volume", *c), st.lists(st.sampled_from("abcd"), max_size=2, unique=True)),
    st.just(alarm("timeliness")),
)
steps = st.lists(
    st.tuples(st.sampled_from(["orders", "items"]), judgements, st.integers(0, 60), st.booleans()), max_size=25
)
policies = st.builds(
    AlertPolicy,
    level=st.sampled_from(LEVELS),
    resolve_after=st.integers(1, 3),
    reopen_within=st.integers(0, 200).map(lambda h: h * HOUR),
    cool_down=st.integers(0, 100).map(lambda h: h * HOUR),
    escalate_after_batches=st.integers(1, 4),
    escalate_after=st.integers(1, 100).map(lambda h: h * HOUR),
    group_within=st.integers(0, 100).map(lambda h: h * HOUR),
    upstream=st.dictionaries(st.sampled_from(["orders", "items"]), st.sampled_from(["shop", "erp"])),
)


def replay(story, policy, *, hold=False):
    """(incidents, notices, now) after each step of a story."""
    incidents, now = (), START
    for i, (table, judgement, hours, acknowledged) in enumerate(story):
        now += hours * HOUR
        incidents, notices = advance(incidents, [JudgedBatch(table, str(i), judgement)], now, policy, hold=hold)
        running = [incident for incident in incidents if incident.state == "open"]
        if acknowledged and running:
            incidents = acknowledge(incidents, running[0].id, now)
        yield incidents, notices, now


@given(steps, policies)
def test_no_two_open_incidents_are_about_the_same_thing(story, policy):
    for incidents, _, _ in replay(story, policy):
        about = [(i.table, subject) for i in incidents if i.is_open for subject in i.subjects]
        assert len(about) == len(set(about))
        assert len({i.id for i in incidents}) == len(incidents)


@given(steps, policies)
def test_a_batch_that_alarms_leaves_an_open_incident_that_names_it(story, policy):
    for (incidents, _, now), (i, (table, judgement, _, _)) in zip(replay(story, policy), enumerate(story)):
        naming = [x for x in incidents if x.table == table and x.is_open and str(i) in x.batches]
        assert bool(naming) == judgement.alarm
        assert all(x.last_seen_at == now and not x.good for x in naming)


@given(steps, policies)
def test_what_only_goes_on_is_not_repeated_within_the_cool_down(story, policy):
    last: dict[str, datetime] = {}
    for _, notices, now in replay(story, policy):
        for notice in notices:
            for incident in notice.incidents:
                assert notice.kind != "continued" or now - last[incident] >= policy.cool_down
                last[incident] = now


@given(steps, policies)
def test_notices_of_an_incident_come_in_an_order_that_makes_sense(story, policy):
    heard: dict[str, list[tuple[str, int]]] = {}  # what was told of an incident, and its own level then
    for incidents, notices, _ in replay(story, policy):
        level = {incident.id: LEVELS.index(incident.level) for incident in incidents}
        for notice in notices:
            assert LEVELS.index(notice.level) == max(level[incident] for incident in notice.incidents)
            for incident in notice.incidents:
                heard.setdefault(incident, []).append((notice.kind, level[incident]))
    for news in heard.values():
        kinds = [kind for kind, _ in news]
        assert kinds[0] == "opened" and kinds.count("opened") == 1
        for (before, low), (after, high) in pairwise(news):
            assert (after == "reopened") == (before == "resolved")
            assert high >= low and (after != "escalated" or high > low)


@given(steps, policies)
def test_without_waiting_every_change_is_told_once_and_at_once(story, policy):
    told: list[tuple[str, str]] = []
    for incidents, notices, _ in replay(story, policy):
        assert not any(incident.news for incident in incidents)
        assert len({(notice.kind, notice.upstream) for notice in notices}) == len(notices)
        told += [(notice.kind, incident) for notice in notices for incident in notice.incidents]
    incidents = incidents if story else ()
    for incident in incidents:
        assert told.count(("opened", incident.id)) == 1
        assert told.count(("reopened", incident.id)) == incident.n_reopened
        n_ends = incident.n_reopened + (not incident.is_open)
        assert told.count(("resolved", incident.id)) == n_ends


@given(steps, policies)
def test_held_openings_are_told_by_the_end_of_the_window(story, policy):
    for incidents, _, now in replay(story, policy, hold=True):
        late = [i for i in incidents if i.news and now - i.since >= policy.group_within]
        assert late == []
    if story:
        after, _ = advance(incidents, [], now + policy.group_within, policy, hold=True)
        assert not any(incident.news for incident in after)


@given(steps, policies)
def test_a_batch_handed_over_again_changes_nothing(story, policy):
    for (incidents, _, now), (i, (table, judgement, _, _)) in zip(replay(story, policy), enumerate(story)):
        if judgement.alarm or judgement.state == "learning":
            again, notices = advance(incidents, [JudgedBatch(table, str(i), judgement)], now, policy)
            assert again == incidents and notices == ()


@given(steps, policies)
def test_one_table_does_not_bear_on_another(story, policy):
    alone = [(table, judgement, hours, False) for table, judgement, hours, _ in story]
    *_, (together, _, _) = [((), (), START), *replay(alone, policy)]
    only, now = (), START
    for i, (table, judgement, hours, _) in enumerate(alone):
        now += hours * HOUR
        batches = [JudgedBatch(table, str(i), judgement)] if table == "orders" else []
        only, _ = advance(only, batches, now, policy)
    assert [i for i in together if i.table == "orders"] == list(only)


@given(steps, policies)
def test_incidents_and_notices_survive_json(story, policy):
    for incidents, notices, _ in replay(story, policy, hold=True):
        for incident in incidents:
            assert Incident.from_dict(json.loads(json.dumps(incident.to_dict()))) == incident
        for notice in notices:
            assert Notice.from_dict(json.loads(json.dumps(notice.to_dict()))) == notice


@given(policies)
def test_a_policy_is_read_back_as_it_was_written(policy):
    assert policy_from(parse_settings(json.dumps(policy.to_dict()))) == policy


def told(*judgements: BatchJudgement, policy: AlertPolicy | None = None, step: timedelta = DAY):
    """The incidents after a batch of `orders` each day, and the kinds of notices by batch."""
    incidents, kinds = (), []
    for i, judgement in enumerate(judgements):
        incidents, notices = advance(incidents, [JudgedBatch("orders", str(i), judgement)], START + i * step, policy)
        kinds.append([notice.kind for notice in notices])
    return incidents, kinds


BAD = alarm("missing", "email")


def test_trouble_opens_goes_on_rises_ends_and_comes_back():
    (incident,), kinds = told(BAD, BAD, BAD, CLEAN, CLEAN, CLEAN, BAD)
    assert kinds == [["opened"], ["continued"], ["escalated"], [], ["resolved"], [], ["reopened"]]
    assert (incident.state, incident.n_alerts, incident.n_reopened, incident.level) == ("open", 4, 1, "error")
    assert incident.batches == ("0", "1", "2", "6")


def test_the_same_trouble_long_after_is_a_new_incident():
    policy = AlertPolicy(reopen_within=2 * DAY)
    incidents, kinds = told(BAD, CLEAN, CLEAN, CLEAN, CLEAN, CLEAN, BAD, policy=policy)
    assert kinds[-1] == ["opened"] and [i.state for i in incidents] == ["resolved", "open"]


def test_several_incidents_of_a_table_are_open_at_once():
    incidents, kinds = told(
        alarm("missing", "email"), alarm("drift", "price"), alarm("volume"), alarm("drift", "price"), step=HOUR
    )
    assert kinds[:3] == [["opened"]] * 3 and [i.n_alerts for i in incidents] == [1, 2, 1]


def test_an_alert_that_touches_two_incidents_goes_on_with_one_and_keeps_both_open():
    both = alarm("drift", "email", "price")
    incidents, _ = told(alarm("missing", "email"), alarm("drift", "price"), CLEAN, both, CLEAN)
    assert [i.state for i in incidents] == ["open", "open"]
    assert [i.n_alerts for i in incidents] == [2, 1]
    assert [i.columns for i in incidents] == [("email",), ("price",)]


def test_columns_beside_a_wrong_volume_are_no_incident_of_their_own():
    incidents, _ = told(alarm("volume", "at"), alarm("volume", "id"))
    assert [(i.columns, i.n_alerts) for i in incidents] == [((), 2)]


def test_a_flapping_table_needs_more_good_batches_each_time():
    policy = AlertPolicy(resolve_after=1)
    _, kinds = told(BAD, CLEAN, BAD, CLEAN, CLEAN, BAD, CLEAN, CLEAN, CLEAN, CLEAN, policy=policy)
    ends = [i for i, each in enumerate(kinds) if "resolved" in each]
    assert ends == [1, 4, 9]


def test_nobody_is_woken_for_what_is_acknowledged_or_mending():
    incidents, _ = told(BAD)
    known = acknowledge(incidents, incidents[0].id, START)
    for later in (acknowledge(incidents, incidents[0].id, START), told(BAD, CLEAN)[0]):
        after, notices = advance(later, [], START + 30 * DAY)
        assert notices == () and after[0].level == "warn"
    after, notices = advance(known, [JudgedBatch("orders", "1", BAD)], START + 30 * DAY)
    assert notices == () and after[0].n_alerts == 2
    after, (notice,) = advance(incidents, [], START + 2 * DAY)
    assert (notice.kind, notice.level) == ("escalated", "error")
    after, (notice,) = advance(after, [], START + 4 * DAY)
    assert notice.level == "page"
    assert advance(after, [], START + 40 * DAY)[1] == ()


def test_a_person_can_end_an_incident_and_a_wrong_id_names_the_open_ones():
    incidents, _ = told(BAD)
    with pytest.raises(UsageError, match=f"no open incident 'nobody'; open: {incidents[0].id}"):
        resolve(incidents, "nobody", START)
    after, (notice,) = advance(resolve(incidents, incidents[0].id, START), [], START + HOUR)
    assert notice.kind == "resolved" and not after[0].is_open
    with pytest.raises(UsageError, match="open: none"):
        acknowledge(after, incidents[0].id, START)


def test_many_tables_of_one_upstream_are_one_notice():
    tables = [f"t{i}" for i in range(50)]
    policy = AlertPolicy(upstream=dict.fromkeys(tables[:40], "shop"))
    incidents, notices = advance((), [JudgedBatch(table, "1", BAD) for table in tables], START, policy)
    assert len(incidents) == 50 and sorted(len(notice.tables) for notice in notices) == [10, 40]
    shop = next(notice for notice in notices if notice.upstream == "shop")
    assert shop.title == "40 incidents of 40 tables fed by shop began: t0, t1, t10, t11, t12 and 35 more"
    assert shop.lines[0].startswith("t0: missing in `email`: 40.0 % of the cells of `email` are empty; 0.0 % to 1.0 %")


def test_a_service_tells_the_first_at_once_and_the_others_together():
    incidents, heard = (), []
    for minute in range(30):
        batches = [JudgedBatch(f"t{minute}", "1", BAD)] if minute < 10 else []
        incidents, notices = advance(incidents, batches, START + timedelta(minutes=minute), hold=True)
        heard += [(minute, notice.kind, len(notice.tables)) for notice in notices]
    assert heard == [(0, "opened", 1), (15, "opened", 9)]


def test_what_pages_never_waits():
    policy = AlertPolicy(levels={"schema": "page"})
    incidents, _ = advance((), [JudgedBatch("a", "1", BAD)], START, policy, hold=True)
    _, (notice,) = advance(
        incidents, [JudgedBatch("b", "1", alarm("schema", "x"))], START + HOUR / 60, policy, hold=True
    )
    assert notice.tables == ("b",) and notice.level == "page"


def test_a_notice_says_what_changed_and_what_was_expected():
    _, (notice,) = advance((), [JudgedBatch("orders", "2026-11-01", BAD)], START)
    assert notice.title == "orders: missing in `email` began"
    assert (notice.came, notice.expected) == ("40.0 % of the cells of `email` are empty", "0.0 % to 1.0 %")
    assert notice.text.endswith("- 40.0 % of the cells of `email` are empty; 0.0 % to 1.0 % was expected")
    assert notice.columns == ("email",) and notice.batches == ("2026-11-01",)


def test_a_clock_that_goes_backwards_changes_nothing_but_times():
    incidents, _ = told(BAD, BAD, step=-DAY)
    after, notices = advance(incidents, [], START - 30 * DAY)
    assert after == incidents and notices == ()


def test_the_state_while_learning_is_no_good_batch():
    incidents, _ = told(BAD, *[LEARNING] * 5)
    assert incidents[0].is_open and incidents[0].good == ()


def test_one_that_is_rejudged_as_right_counts_as_good():
    incidents, _ = told(BAD, policy=AlertPolicy(resolve_after=1))
    after, (notice,) = advance(incidents, [JudgedBatch("orders", "0", CLEAN)], START, AlertPolicy(resolve_after=1))
    assert notice.kind == "resolved" and replace(after[0], news="") == after[0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("coool_down: 1 hour", "alerts.yaml, line 1: unknown key 'coool_down'; did you mean 'cool_down'?"),
        ("level: warn\nlevels: {shema: page}", "line 2: unknown key 'shema'; did you mean 'schema'?"),
        ("level: pages", "line 1: unknown word 'pages'; did you mean 'page'?"),
        ("cool_down: 5 mintes", "found '5 mintes'; did you mean 'minutes'?"),
        ("cool_down: 5", "expected a duration such as '15 minutes', found int 5"),
        ("escalate_after:\n  batches: 0", "line 2: expected a whole number of at least 1"),
        ("escalate_after: {time: 0 hours}", "longer than none"),
        ("level: warn\nlevel: page", "line 2: 'level' stands here twice"),
        ("[1]", "expected a mapping, found a list: write {level: ...}"),
        ("levels: page", "found text: write {schema: error}"),
        ("upstream: shop", "found text: write {orders: shop}"),
        ("a: [", "alerts.yaml, line 1: not YAML"),
    ],
)
def test_a_mistake_in_the_policy_is_told_with_its_line(text, says):
    with pytest.raises(UsageError) as error:
        policy_from(parse_settings(text, "alerts.yaml"))
    assert says in str(error.value)


@given(steps, policies)
def test_to_follow_first_and_to_tell_later_is_the_same(story, policy):
    batches = [JudgedBatch(table, str(i), judgement) for i, (table, judgement, _, _) in enumerate(story)]
    followed, placed = (), []
    for batch in batches:
        followed, where = follow(followed, [batch], START, policy)
        placed += where
    assert advance(followed, [], START, policy) == advance((), batches, START, policy)
    for batch, where in zip(batches, placed, strict=True):
        assert (where is not None) == batch.judgement.alarm
        assert where is None or (where.incident.table, where.incident.batches[-1]) == (batch.table, batch.batch)
    new = [where.incident.id for where in placed if where is not None and where.relation == "new"]
    assert sorted(new) == sorted(incident.id for incident in followed)


def test_a_batch_says_which_incident_it_belongs_to():
    incidents, (first,) = follow((), [JudgedBatch("orders", "1", alarm("missing", "a"))], START)
    assert first.relation == "new" and first.message == f"new incident #{first.incident.id}"
    again = [JudgedBatch("orders", "2", alarm("outlier", "a")), JudgedBatch("orders", "2", alarm("outlier", "a"))]
    incidents, (second, same) = follow(incidents, again, START + DAY)
    assert second.message == same.message == f"continues #{first.incident.id} since 2026-11-01 (2 batches)"
    clean = [JudgedBatch("orders", name, CLEAN) for name in "34"]
    incidents, placed = follow(incidents, [*clean, JudgedBatch("orders", "5", alarm("missing", "a"))], START + 2 * DAY)
    assert placed[:2] == (None, None) and placed[2].relation == "reopened"
    assert placed[2].message == f"incident #{first.incident.id} of 2026-11-01 came back (time 1)"
    assert placed[2].to_dict()["state"] == "open"


def test_a_batch_that_was_right_after_all_leaves_its_incident():
    batches = [JudgedBatch("orders", name, alarm("missing", "a")) for name in "12"]
    incidents, _ = advance((), batches, START)
    assert forgive(incidents, "orders", "3", START) == incidents == forgive(incidents, "items", "1", START)
    (less,) = forgive(incidents, "orders", "1", START + HOUR)
    assert (less.state, less.batches, less.n_alerts, less.news) == ("open", ("2",), 1, "")
    (over,) = forgive([less], "orders", "2", START + HOUR)
    assert (over.state, over.batches, over.news) == ("resolved", (), "resolved")
    _, (notice,) = advance([over], [], START + HOUR)
    assert notice.kind == "resolved" and notice.batches == ()
    untold, _ = follow((), batches[:1], START)
    (silent,) = forgive(untold, "orders", "1", START)
    assert silent.state == "resolved" and advance([silent], [], START)[1] == ()


def test_what_began_and_ended_since_the_last_time_is_told_with_both():
    story = [alarm("missing", "a"), CLEAN, CLEAN]
    batches = [JudgedBatch("orders", str(i), judgement) for i, judgement in enumerate(story)]
    incidents, notices = advance((), batches, START)
    assert [notice.kind for notice in notices] == ["opened", "resolved"] and incidents[0].state == "resolved"
    assert len({notice.id for notice in notices}) == 2 and advance(incidents, [], START + DAY)[1] == ()
