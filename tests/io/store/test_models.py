"""The registry of models, on SQLite and PostgreSQL: one live version a name, promotions that can be taken back."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import exc, text

from kintsu.core.errors import InputError, UsageError
from kintsu.io.store import schema
from kintsu.io.store.database import writing
from kintsu.io.store.history import History
from kintsu.io.store.models import ARCHIVED, CANDIDATE, LIVE, About, ModelStore

ABOUT = About({"right": 0.9}, {"seed": 3}, {"tables": {"orders": {"rows": 9}}}, {"parent": "shipped"})


@pytest.fixture
def place(store_place):
    return store_place


@pytest.fixture
def store(place):
    history = History(place)
    yield ModelStore(history)
    history.engine.dispose()


def stages(store, name="issues"):
    return [each.stage for each in store.versions(name)]


def several(store, n, name="issues"):
    return [store.register(name, f"body {i}".encode(), ABOUT, by="ann").version for i in range(n)]


def test_a_version_comes_back_as_it_was_registered(store):
    made = store.register("issues", b"\x00body", ABOUT, by="ann")
    assert (made.version, made.stage, made.created_by, made.about) == (1, CANDIDATE, "ann", ABOUT)
    assert store.versions() == store.versions("issues") == [made]
    assert store.body("issues", 1) == b"\x00body"
    assert made.to_dict()["lineage"] == {"parent": "shipped"}
    assert store.register("issues", b"other", ABOUT, by="ann").version == 2
    assert store.register("issues:orders", b"other", ABOUT, by="ann").version == 1


def test_one_version_is_live_and_its_promotion_is_told(store):
    several(store, 3)
    assert store.live(["issues"]) == {}
    store.promote("issues", 1, by="ann", why="first")
    store.promote("issues", 3, by="bob")
    assert stages(store) == [ARCHIVED, CANDIDATE, LIVE]
    assert store.live(["issues", "issues:none"])["issues"].version == 3
    told = [(each.before, each.version, each.by, each.why) for each in store.promotions("issues")]
    assert told == [(None, 1, "ann", "first"), (1, 3, "bob", "")]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(names=st.lists(st.sampled_from(["a", "B", "a_1", "é:x", "12_a", "a "]), max_size=8), limit=st.integers(1, 9))
def test_pages_of_any_size_are_the_whole_in_order(store, names, limit):
    with writing(store.history.engine) as connection:
        connection.execute(schema.models.delete())
    for name in names:
        several(store, 1, name)
    for name in (None, "a"):
        found, after = [], None
        while after is not None or not found:
            page = store.page(limit=limit, after=after, name=name)
            assert len(page.items) == limit or page.next is None
            found, after = found + page.items, page.next
            if after is None:
                break
        assert found == store.versions(name)


def test_a_version_that_goes_or_comes_between_pages_hides_none(store):
    several(store, 4)
    first = store.page(limit=2)
    several(store, 1, "a")  # before the cursor: whoever reads on does not see it
    several(store, 1)
    assert store.prune("issues", keep=3) == 2  # the version of the cursor goes, too
    assert [each.version for each in store.page(limit=9, after=first.next).items] == [3, 4, 5]


@settings(max_examples=15)
@given(moves=st.lists(st.integers(0, 3), max_size=8))
def test_promotions_taken_back_one_by_one_lead_through_all_earlier_states(tmp_path_factory, moves):
    store = ModelStore(History(tmp_path_factory.mktemp("registry")))
    several(store, 3)
    past = []
    for move in moves:
        live = store.live(["issues"])
        if move and (not live or live["issues"].version != move):
            past.append(stages(store))
            store.promote("issues", move, by="ann")
        elif not move and past:
            store.rollback("issues", by="ann")
            assert stages(store) == past.pop()
        assert stages(store).count(LIVE) == bool(past)
    while past:
        store.rollback("issues", by="ann")
        assert stages(store) == past.pop()
    with pytest.raises(UsageError, match="is left to take back"):
        store.rollback("issues", by="ann")


def test_what_cannot_be_promoted_is_refused_and_changes_nothing(store):
    several(store, 2)
    store.promote("issues", 2, by="ann")
    with pytest.raises(UsageError, match="is live already"):
        store.promote("issues", 2, by="ann")
    with pytest.raises(UsageError, match="no version 7 of model 'issues': there is 1, 2"):
        store.promote("issues", 7, by="ann")
    with pytest.raises(UsageError, match="none of that name"):
        store.body("other", 1)
    assert stages(store) == [CANDIDATE, LIVE] and len(store.promotions("issues")) == 1


def test_the_database_refuses_a_second_live_version(store):
    several(store, 2)
    store.promote("issues", 1, by="ann")
    with pytest.raises(exc.IntegrityError), store.history.engine.begin() as connection:
        connection.execute(text("UPDATE models SET stage = 'live'"))
    assert stages(store) == [LIVE, CANDIDATE]


def test_two_who_promote_at_once_leave_one_live_version(place, store):
    versions = several(store, 8)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: ModelStore(History(place)).promote("issues", n, by=f"p{n}"), versions))
    assert stages(store).count(LIVE) == 1
    told = store.promotions("issues")
    assert [each.before for each in told] == [None, *(each.version for each in told[:-1])]
    assert stages(store)[told[-1].version - 1] == LIVE


def test_a_body_that_was_altered_is_refused(store):
    several(store, 2)
    with writing(store.history.engine) as connection:
        m = schema.models
        connection.execute(m.update().where(m.c.version == 1).values(body=b"body X"))
    with pytest.raises(InputError, match=r"version 1 of model 'issues' was altered.*SHA-256"):
        store.body("issues", 1)
    assert store.body("issues", 2) == b"body 1"


def test_a_tenant_sees_and_changes_only_its_own(place, store):
    several(store, 2)
    store.promote("issues", 2, by="ann")
    other = ModelStore(History(place, tenant="other"))
    assert other.versions() == [] and other.live(["issues"]) == {} and other.promotions("issues") == []
    for refused in (lambda: other.promote("issues", 1, by="eve"), lambda: other.body("issues", 1)):
        with pytest.raises(UsageError, match="none of that name"):
            refused()
    with pytest.raises(UsageError, match="no model"):
        other.rollback("issues", by="eve")
    several(other, 3)
    other.promote("issues", 1, by="eve")
    assert other.prune("issues", keep=1) == 1
    assert stages(store) == [CANDIDATE, LIVE] and stages(other) == [LIVE, CANDIDATE]
    other.history.engine.dispose()


def test_old_candidates_go_and_numbers_are_not_used_again(store):
    several(store, 6)
    store.promote("issues", 1, by="ann")
    store.promote("issues", 2, by="ann")
    assert store.prune("issues", keep=2) == 2
    assert [each.version for each in store.versions("issues")] == [1, 2, 5, 6]
    assert store.register("issues", b"next", ABOUT, by="ann").version == 7
