"""The events of a request, byte for byte, and by what they are known again."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kintsu.core.errors import UsageError
from kintsu.core.settings import read_settings
from kintsu.io.service.pushed import Full
from kintsu.run.ingest import accept, split, targets_from

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), min_size=1, max_size=5),
    st.sampled_from([None, 2]),
)
def test_members_of_an_array_are_those_that_json_reads(events, indent):
    body = json.dumps(events, indent=indent, ensure_ascii=False).encode("utf-8", "surrogatepass")
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return
    members = split(body, is_array=True)
    assert [json.loads(each) for each in members] == events and not any(b"\n" in each for each in members)


def test_an_event_keeps_its_bytes():
    assert split(b' [ {"a" : 1.50} ,{"b":[1,\t2]}\n]', is_array=True) == [b'{"a" : 1.50}', b'{"b":[1,\t2]}']
    assert split(b'{"a" : 1}\r\n\n{broken\n', is_array=False) == [b'{"a" : 1}', b"{broken"]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"[1", b"[1,]", b"[1 2]", b"[1] 2", b"[,1]", b"\xff", b"[" * 99_999]
)
def test_what_is_no_array_is_refused(body):
    with pytest.raises(UsageError):
        split(body, is_array=True)


def test_events_are_known_by_their_field_their_request_or_their_bytes(tmp_path):
    def sent(*values, **by):
        return accept("orders", list(values), home=tmp_path, most=100, **by).fresh

    assert sent(b'{"id": 1}', b'{"id": 1}') == (True, False)
    assert sent(b'{"id": 1}', b'{"id": 1}', key="k") == (True, True) and sent(b"{}", b"{}", key="k") == (False, False)
    assert sent(b'{"id": 1, "x": 2}', b'{"id": "1"}', id_field="id") == (True, False)
    torn = [b'{"id": "\\ud83d"}', b'{"id": "\\ud83e"}']
    assert sent(*torn, torn[0], id_field="id") == (True, True, False)
    with pytest.raises(UsageError, match="event 1 has no field"):
        sent(b'{"id": 2}', b'{"no": 2}', id_field="id")
    with pytest.raises(Full):
        accept("orders", [b"[]"] * 2, home=tmp_path, most=1, key="other")


def test_where_events_go_is_read_from_the_settings(tmp_path):
    file = tmp_path / "kintsu.yaml"
    file.write_text("ingest:\n- {table: orders, out: /data/healed}\n- {table: a, tenant: acme, bootstrap: 'h:1'}\n")
    told = targets_from(read_settings(file).mapping()["ingest"])
    assert str(told["local", "orders"].folder) == "/data/healed"
    assert (told["acme", "a"].healed, told["acme", "a"].quarantine) == ("a.healed", "a.quarantine")
    file.write_text("ingest:\n- {table: orders}\n")
    with pytest.raises(UsageError, match="say where the events go"):
        targets_from(read_settings(file).mapping()["ingest"])
