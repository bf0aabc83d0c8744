"""An attack of each kind of OWASP's API security top 10, over every operation that the OpenAPI document lists: a new
route is tried at once, and one that needs an id or a body that is not known here fails until it is told."""

from __future__ import annotations

import http.server
import io
import json
import re
import socketserver
import ssl
import threading
import zipfile
from datetime import date, timedelta
from itertools import product
from typing import Any, NamedTuple

import jwt
import openpyxl
import pytest
import trustme
from test_jobs_api import HEAL, submit, upload
from test_jobs_api import work as work
from test_resources import stream_of, watched

from kintsu.apps.api.app import create_app
from kintsu.apps.api.identity import IdentityProvider
from kintsu.apps.api.problems import Refused
from kintsu.apps.api.settings import Identity, ServeSettings
from kintsu.io.service.keys import ROLES

DOCUMENT = create_app(ServeSettings(__file__)).openapi()  # opens nothing
SCHEMAS = DOCUMENT["components"]["schemas"]
READS = ("get", "head")
OPEN = {"/healthz"}
COUNTS = [{"date": str(date(2026, 1, 5) + timedelta(days=n)), "count": 1000 + n % 7 * 10} for n in range(60)]


class Operation(NamedTuple):
    id: str
    method: str
    path: str
    told: dict[str, Any]

    @property
    def parts(self) -> list[str]:
        return re.findall(r"{([^}]+)}", self.path)


OPERATIONS = [
    Operation(told["operationId"], method, path, told)
    for path, operations in DOCUMENT["paths"].items()
    for method, told in operations.items()
]
WITH_ID = [each for each in OPERATIONS if each.parts]
WRITES = [each for each in OPERATIONS if each.method not in READS]

BODIES: dict[str, Any] = {
    "runs_take_back": {},
    "questions_choose": {"option": "accept"},
    "questions_correct": {"cells": [{"row": 1, "column": "city", "value": "Paris"}]},
    "jobs_submit": {"kind": "monitor_run"},
    "volume_detect": {"table_id": "orders", "current_row_count": 1000, "historical_data": COUNTS},
    "volume_train": {"table_id": "orders", "historical_data": COUNTS},
    "monitors_decide": {"is_right": False},
    "models_promote": {"version": 1},
    "keys_create": {"name": "x", "role": "viewer"},
    "graphql_ask": {"query": "{ me { name } }"},
    "tables_score_some": {"rows": [{"id": "o1", "city": "Pari"}]},
    "ingest_ask": [{"id": "o1", "city": "Pari"}],  # events have the fields that they have
}
"""A body that is taken, for each operation that has one in JSON."""
LEAST = {
    "runs_take_back": "steward",
    "questions_choose": "steward",
    "questions_correct": "steward",
    "monitors_decide": "steward",
    "incidents_acknowledge": "steward",
    "incidents_resolve": "steward",
    "uploads_upload": "engineer",
    "uploads_remove": "engineer",
    "jobs_submit": "engineer",
    "jobs_cancel": "engineer",
    "volume_train": "engineer",
    "ingest_ask": "engineer",
    "models_promote": "engineer",
    "models_rollback": "engineer",
    "keys_list": "admin",
    "keys_create": "admin",
    "keys_revoke": "admin",
    "system_audit": "admin",
    "volume_detect": "viewer",  # these three read
    "graphql_ask": "viewer",
    "tables_score_some": "viewer",
}
"""The least role of every operation that writes, and of those that read what only an admin may; else it is viewer."""


def names(operations):
    return {"argvalues": operations, "ids": [each.id for each in operations]}


def call(client, operation, known, headers=None, **more):
    """Do an operation, with ids of `known`."""
    missing = [part for part in operation.parts if part not in known]
    assert not missing, f"{operation.id} needs {missing}: tell here what that is"
    if "json" not in more and "content" not in more and "requestBody" in operation.told:
        content = operation.told["requestBody"]["content"]
        if "application/json" in content:
            assert operation.id in BODIES, f"{operation.id} needs a body: add one to BODIES"
            more["json"] = BODIES[operation.id]
        else:
            more |= {"content": b"a\n1\n", "params": {"name": "a.csv"}}
    path = operation.path.format(**known)
    return client.request(operation.method.upper(), path, headers=headers, **more)


@pytest.fixture
def estate(connect, key, work, tmp_path):
    """A service with sign-in, the headers of acme's admin, and an id of everything that acme has."""
    client, mine = connect(sign_in=True), key("acme", "admin")
    home = tmp_path / "home" / "tenants" / "acme"
    watched(home, tmp_path / "orders")
    stream_of(home, n=600)
    sent = upload(client, headers=mine)
    job = submit(client, options=HEAL | {"auto": 1.0}, source={"upload": sent}, headers=mine).json()["id"]
    work(sign_in=True)
    run = client.get(f"/api/v1/jobs/{job}", headers=mine).json()["run"]
    asked = client.get(f"/api/v1/runs/{run}/questions", headers=mine).json()["items"]
    made = client.post("/api/v1/train/volume-anomaly", headers=mine, json=BODIES["volume_train"])
    assert made.status_code == 200, made.text
    (incident, *_) = client.get("/api/v1/incidents", headers=mine).json()["items"]
    status = client.get("/api/v1/monitors/orders", headers=mine).json()
    stream = client.get("/api/v1/streams", headers=mine).json()["items"][0]["id"]
    model = client.get("/api/v1/models", headers=mine).json()["items"][0]["name"]
    other = client.post("/api/v1/keys", json={"name": "x", "role": "viewer"}, headers=mine).json()["about"]["id"]
    known = {
        "run": run, "upload": sent, "job": job, "question": asked[0]["question"], "table": "orders",
        "batch": status["waiting"][0], "incident": incident["id"], "stream_id": stream, "name": model, "key": other,
        "part": "scores",
    }  # fmt: skip
    return client, mine, known


def all_of_it(client, headers, known):
    """Everything that can be read with ids, as its owner sees it."""
    reads = [each for each in WITH_ID if each.method in READS]
    told = {each.id: call(client, each, known, headers) for each in reads}
    # the rates of a stream go on, and a problem has a number of its own
    return {name: answer.content for name, answer in told.items() if answer.is_success and name != "streams_detail"}


# API1: broken object level authorization


def test_1_no_operation_with_an_id_reaches_what_another_tenant_has(estate, key):
    client, mine, known = estate
    before = all_of_it(client, mine, known)
    for operation in WITH_ID:
        if operation.method in READS and operation.id != "jobs_scores":  # this job is a heal: see test_score_api.py
            assert call(client, operation, known, mine).status_code == 200, operation.id
    for role in ROLES:
        other = key("other", role)
        for operation in WITH_ID:
            answer = call(client, operation, known, other)
            may = ROLES.index(role) >= ROLES.index(LEAST.get(operation.id, "viewer"))
            never = call(
                client, operation, dict.fromkeys(known, "12345") | {"part": "scores"}, other
            )  # what nobody has
            assert answer.status_code == (never.status_code if may else 403), (role, operation.id, answer.text)
            assert answer.status_code in (403, 404, 422), (role, operation.id, answer.text)
            assert not [each for each in ("Paris", "acme", "example.org") if each in answer.text], operation.id
    assert all_of_it(client, mine, known) == before


def test_1_no_list_tells_of_another_tenant(estate, key):
    client, _, known = estate
    other = key("other", "admin")
    secrets = [str(value) for name, value in known.items() if name in ("run", "upload", "job", "question", "key")]
    for operation in OPERATIONS:
        if operation.method in READS and not operation.parts:
            told = client.get(operation.path, headers=other).text
            assert not [each for each in ("acme", "orders.csv", *secrets) if each in told], operation.id


# API2: broken authentication


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer kintsu_000000000000_" + "a" * 43},
        {"Authorization": "Basic YWRtaW46YWRtaW4="},
        {"Authorization": f"Bearer {jwt.encode({'tenant': 'acme', 'roles': ['admin']}, None, algorithm='none')}"},
        {"X-Api-Key": "admin", "X-Forwarded-User": "admin", "X-Forwarded-For": "127.0.0.1"},
        {"Cookie": "session=admin"},
    ],
    ids=["nothing", "empty", "no token", "unknown key", "basic", "unsigned token", "other headers", "cookie"],
)
def test_2_nothing_is_done_for_whoever_is_not_signed_in(connect, headers):
    client, known = connect(sign_in=True), dict.fromkeys([part for each in WITH_ID for part in each.parts], "1")
    for operation in OPERATIONS:
        expected = 200 if operation.path in OPEN else 401
        assert call(client, operation, known, headers).status_code == expected, operation.id


def test_2_a_key_is_not_found_by_its_beginning(connect, key):
    client, text = connect(sign_in=True), key("acme", "admin")["Authorization"]
    assert client.get("/api/v1/me", headers={"Authorization": text}).status_code == 200
    for wrong in (text[:-1], f"{text}a", text[:-1] + ("a" if text[-1] != "a" else "b"), text.swapcase()):
        assert client.get("/api/v1/me", headers={"Authorization": wrong}).status_code == 401
    assert len(text.split("_", 2)[2]) * 6 >= 256  # bits that would have to be guessed


# API3: broken object property level authorization (mass assignment, too much told)


def _schemas_of(schema, seen=()):
    """Every object schema that a body can have in it, by its name."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in seen:
            yield from _schemas_of(SCHEMAS[name] | {"title": name}, (*seen, name))
        return
    for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from _schemas_of(part, seen)
    if "items" in schema:
        yield from _schemas_of(schema["items"], seen)
    if schema.get("type") == "object":
        yield schema
        for part in schema.get("properties", {}).values():
            yield from _schemas_of(part, seen)


@pytest.mark.parametrize("operation", **names([each for each in WRITES if isinstance(BODIES.get(each.id), dict)]))
def test_3_a_field_that_is_not_told_is_refused(connect, key, operation):
    client, mine = connect(sign_in=True), key("acme", "admin")
    known = dict.fromkeys(operation.parts, "1")
    for extra in ("tenant", "role_override", "is_admin", "created_by", "id"):
        answer = call(client, operation, known, mine, json=BODIES[operation.id] | {extra: "admin"})
        assert answer.status_code == 422, (extra, answer.text)
    body = operation.told["requestBody"]["content"]["application/json"]["schema"]
    loose = [s.get("title") for s in _schemas_of(body) if s.get("additionalProperties", True) is not False]
    # rows have the columns that they have, and the variables of a GraphQL query the names that it tells
    assert loose == [] or operation.id in ("tables_score_some", "graphql_ask")


def test_3_no_answer_tells_a_secret(estate, key):
    client, mine, known = estate
    secret = mine["Authorization"].split("_", 2)[2]
    for operation in OPERATIONS:
        if operation.method in READS:
            told = call(client, operation, known, mine).text
            assert secret not in told and '"hash"' not in told and "secret" not in told.lower(), operation.id


# API4: unrestricted resource consumption


def _unbounded(schema, where, seen=()):
    """Texts, lists and numbers of a schema that may be as large as one likes."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in seen:
            yield from _unbounded(SCHEMAS[name], name, (*seen, name))
        return
    for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from _unbounded(part, where, seen)
    kind = schema.get("type")
    if kind == "string" and not {"maxLength", "pattern", "enum", "const", "format"} & set(schema):
        yield where
    if kind == "array":
        if "maxItems" not in schema:
            yield where
        yield from _unbounded(schema["items"], f"{where}[]", seen)
    if kind in ("integer", "number") and not {"maximum", "exclusiveMaximum"} & set(schema):
        yield where
    for name, part in schema.get("properties", {}).items():
        yield from _unbounded(part, f"{where}.{name}", seen)


@pytest.mark.parametrize("operation", **names(WRITES))
def test_4_every_value_of_a_body_has_a_bound(operation):
    for media, content in operation.told.get("requestBody", {}).get("content", {}).items():
        if media == "application/json":
            assert list(_unbounded(content["schema"], "body")) == []


def test_4_every_list_comes_in_pages():
    for operation in OPERATIONS:
        answer = operation.told["responses"].get("200", {}).get("content", {}).get("application/json", {})
        name = answer.get("schema", {}).get("$ref", "").rpartition("/")[2]
        limits = [each["schema"] for each in operation.told.get("parameters", ()) if each["name"] == "limit"]
        if "next" in SCHEMAS.get(name, {}).get("properties", {}):
            few = operation.id == "keys_list"  # people's own, by the dozen
            assert few or (limits and limits[0]["maximum"] <= 500), operation.id


def test_4_who_asks_too_often_waits_and_nobody_else(connect, key):
    client, mine, other = connect(sign_in=True, requests_per_minute=3), key("acme"), key("other")
    told = [client.get("/api/v1/me", headers=mine) for _ in range(4)]
    assert [each.status_code for each in told] == [200, 200, 200, 429] and told[-1].headers["retry-after"]
    assert client.get("/api/v1/me", headers=other).status_code == 200


def test_4_a_body_that_is_too_large_or_too_deep_is_refused(connect):
    client = connect(max_body_bytes=10_000)
    for operation in WRITES:
        if operation.id in BODIES:
            known = dict.fromkeys(operation.parts, "1")
            answer = call(client, operation, known, content=b"[" * 10_001)
            assert answer.status_code == 413, operation.id
            deep = call(client, operation, known, content=b"[" * 9_000, headers={"Content-Type": "application/json"})
            assert deep.status_code in (400, 404, 422), operation.id


# API5: broken function level authorization


@pytest.mark.parametrize("operation", **names(OPERATIONS))
def test_5_a_role_does_what_it_may_and_no_more(connect, key, operation):
    if operation.path in OPEN:
        return
    assert operation.method in READS or operation.id in LEAST, f"{operation.id} writes: say who may, in LEAST"
    client, known = connect(sign_in=True), dict.fromkeys(operation.parts, "1")
    least = LEAST.get(operation.id, "viewer")
    for role in ROLES:
        status = call(client, operation, known, key("acme", role)).status_code
        assert (status == 403) == (ROLES.index(role) < ROLES.index(least)), (role, status)


def test_5_methods_that_are_not_told_are_refused(connect, key):
    client, mine = connect(sign_in=True), key("acme", "admin")
    for path, operations in DOCUMENT["paths"].items():
        for method in ("put", "patch", "delete", "post", "trace"):
            if method not in operations:
                tried = client.request(method, re.sub(r"{[^}]+}", "1", path), headers=mine)
                assert tried.status_code == 405, (method, path)


# API7: server side request forgery (API6, business flows: test_jobs_api.py, one job for a key, one change for a job)


@pytest.fixture
def trap():
    """An address that nobody may ask; who asked."""
    asked = []

    class Listener(socketserver.BaseRequestHandler):
        def handle(self):
            asked.append(self.client_address)

    with socketserver.TCPServer(("127.0.0.1", 0), Listener) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("scheme", ["http", "https", "ftp", "s3", "postgresql", "sqlite", "file", "gopher", ""])
def test_7_nothing_is_asked_for_by_an_address_that_is_sent(connect, work, trap, tmp_path, scheme):
    (tmp_path / "data").mkdir()
    place, asked = trap
    settings = {"roots": ((tmp_path / "data").resolve(),)}
    client, url = connect(**settings), f"{scheme}:{'//' if scheme else ''}{place}/orders.csv"
    for kind in ("heal", "check", "profile", "crash_test", "train"):
        options = {"name": "t"} if kind == "train" else {}
        assert submit(client, kind, options, {"path": url}).status_code == 422
    sent = upload(client, name=url)
    job = submit(client, "check", {}, {"upload": sent})
    submit(client, "monitor_run", {"tables": [url]})
    client.get(
        "/api/v1/tables", params={"name": url}, headers={"Referer": f"http://{place}/", "X-Forwarded-Host": place}
    )
    work(**settings)
    assert job.status_code in (202, 422) and not asked


# injection (A03 of the general list; of the API list's first edition)

EVIL = [
    "' OR '1'='1",
    "'; DROP TABLE runs; --",
    '") UNION SELECT * FROM keys --',
    "%' --",
    "$(touch /tmp/kintsu-evil)",
    "../../../../etc/passwd",
    "{{7*7}}${7*7}",
    "\x00",
    "a\r\nSet-Cookie: evil=1",
    "<script>alert(1)</script>",
    "\ud7ff\U0010ffff" * 50,
]


def test_8_what_is_sent_is_never_run(estate):
    client, mine, known = estate
    before = client.get("/api/v1/runs", headers=mine).json()
    for evil, operation in product(EVIL, OPERATIONS):
        for part in operation.parts:
            url = operation.path.replace(f"{{{part}}}", "EVIL").format(**known)
            sent = "".join(f"%{byte:02x}" for byte in evil.encode())
            body = {"json": BODIES[operation.id]} if operation.id in BODIES else {}
            answer = client.request(operation.method, url.replace("EVIL", sent), headers=mine, **body)
            assert answer.status_code in (400, 404, 405, 409, 422), (operation.id, part, answer.status_code)
            assert "set-cookie" not in answer.headers and "text/html" not in answer.headers.get("content-type", "")
        for parameter in operation.told.get("parameters", ()):
            if parameter["in"] == "query" and operation.method in READS:
                answer = call(client, operation, known, mine, params={parameter["name"]: evil})
                assert answer.status_code in (200, 400, 404, 422), (operation.id, parameter["name"])
                listed = answer.json().get("items", []) if answer.status_code == 200 else []
                assert listed == [] or parameter["name"] in ("fact",), (operation.id, parameter["name"])
    for evil in EVIL:
        query = {"query": "query($t: String) { runs(table: $t) { items { run } } }", "variables": {"t": evil}}
        told = client.post("/api/v1/graphql", json=query, headers=mine)
        assert told.status_code in (200, 422) and before["items"][0]["run"] not in told.text
    assert client.get("/api/v1/runs", headers=mine).json() == before


def test_8_no_text_of_a_body_has_a_nul(connect, key):
    client, mine = connect(sign_in=True), key("acme", "admin")
    for path, body in (
        ("keys", {"name": "a\x00b", "role": "viewer"}),
        ("jobs", {"kind": "monitor_run", "options": {"tables": ["a\x00b"]}}),
        ("runs/r-1/undo", {"column": "\x00"}),
        ("graphql", {"query": "{ me { name } }", "variables": {"t": "\x00"}}),
    ):
        assert client.post(f"/api/v1/{path}", json=body, headers=mine).status_code == 422, path


# API8: security misconfiguration


def test_8_every_answer_says_how_a_browser_has_to_treat_it(estate):
    client, mine, known = estate
    answers = [call(client, each, known, mine) for each in OPERATIONS if each.method in READS]
    answers += [client.get(path) for path in ("/", "/api/v1/runs", "/nothing/here.js", "/api/v1/openapi.json")]
    answers += [client.post("/api/v1/jobs", content=b"{", headers=mine), client.get("/", headers={"Host": "evil"})]
    for answer in answers:
        headers = answer.headers
        assert "default-src" in headers["content-security-policy"] and "unsafe-eval" not in str(headers)
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors" in headers["content-security-policy"]
        assert "server" not in headers and "x-powered-by" not in headers and "set-cookie" not in headers
        assert "access-control-allow-origin" not in headers
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" not in client.options("/api/v1/runs", headers=asked).headers


def test_8_a_fault_tells_nothing_of_the_inside(connect, tmp_path):
    client = connect()
    assert client.get("/healthz").status_code == 200
    (tmp_path / "home").mkdir(exist_ok=True)
    for path in (tmp_path / "home").glob("kintsu.db*"):
        path.unlink()
    (tmp_path / "home" / "kintsu.db").write_bytes(b"no database" * 1000)
    answer = client.get("/api/v1/jobs")
    assert answer.status_code >= 400 and answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert set(told) == {"type", "title", "status", "detail", "request", "errors"}
    assert not [word for word in ("Traceback", ".py", "sqlalchemy", "SELECT", str(tmp_path)) if word in answer.text]


# API9: improper inventory management


def test_9_there_is_nothing_that_the_document_does_not_list(connect):
    listed = {(path, method.upper()) for path, operations in DOCUMENT["paths"].items() for method in operations}
    app = create_app(ServeSettings(__file__))
    there = {(path, method) for path, method in _routes(app.router.routes) if method != "HEAD"}
    assert there - listed == {("/api/v1/openapi.json", "GET")}
    assert all(path.startswith("/api/v1/") or path in ("/healthz", "/metrics") for path, _ in listed)
    client = connect()
    for path in ("/docs", "/redoc", "/openapi.json", "/debug", "/admin", "/.env", "/.git/config"):
        answer = client.get(path)  # an address of the dashboard's own, which shows that there is no such page
        assert answer.status_code == 404 or answer.content == client.get("/").content, path
    for path in ("/api", "/api/v0/runs", "/api/v2/runs", "/api/v1/admin", "/api/v1/debug"):
        assert client.get(path).status_code == 404, path


def _routes(routes, before=""):
    for route in routes:
        path = before + getattr(route, "path", "")
        for method in getattr(route, "methods", None) or ():
            yield path, method


# API10: unsafe consumption of APIs


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b"[" * 100_000),
        (200, b"7" * (2 << 20)),
        (200, b'{"jwks_uri": 7}'),
        (200, b'{"jwks_uri": "file:///etc/passwd"}'),
        (200, b'{"jwks_uri": "http://TRAP/keys"}'),
        (200, b'{"jwks_uri": "https://HERE/nothing"}'),
        (302, b""),
        (500, b"{}"),
    ],
    ids=range(11),
)
def test_10_an_identity_provider_is_not_believed_blindly(trap, status, body):
    place, asked = trap

    class Provider(http.server.BaseHTTPRequestHandler):
        """Speaks TLS, and answers with what it likes."""

        def do_GET(self):
            self.send_response(status)
            self.send_header("Location", f"http://{place}/")
            self.end_headers()
            self.wfile.write(body.replace(b"TRAP", place.encode()).replace(b"HERE", issuer.encode()))

        def log_message(self, *_):
            pass

    ca, mine = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("localhost").configure_cert(mine)
    theirs = ssl.create_default_context()
    ca.configure_trust(theirs)
    with http.server.ThreadingHTTPServer(("localhost", 0), Provider) as server:
        issuer = f"localhost:{server.server_port}"
        server.socket = mine.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            provider = IdentityProvider(Identity(f"https://{issuer}", "kintsu"), theirs)
            token = jwt.encode({"sub": "1", "tenant": "acme"}, "x" * 40, algorithm="HS256", headers={"kid": "1"})
            with pytest.raises(Refused) as refused:
                provider.principal(token)
            assert refused.value.status in (401, 503) and not asked
        finally:
            server.shutdown()
            thread.join()


def _entities() -> bytes:
    """A workbook whose text unfolds to a billion laughs."""
    book, folded = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["name"])
    for n in range(20):
        book.active.append([f"person {n}"])
    book.save(folded)
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    made = io.BytesIO()
    with zipfile.ZipFile(folded) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for each in old.infolist():
            text = old.read(each)
            if each.filename.endswith("sharedStrings.xml"):
                text = text.replace(b"<sst", f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]><sst'.encode(), 1)
                text = text.replace(b"person 7", b"&l9;")
            new.writestr(each, text)
    return made.getvalue()


def test_10_a_hostile_file_ends_its_job_and_nothing_else(connect, work):
    client = connect()
    laughs = submit(client, "check", {}, {"upload": upload(client, _entities(), "laughs.xlsx")}).json()["id"]
    formula = b"id,name\n" + b"".join(b"%d,=HYPERLINK(%d)\n" % (n, n) for n in range(30))
    fine = submit(client, "check", {}, {"upload": upload(client, formula, "formulas.csv")}).json()["id"]
    work()
    told = client.get(f"/api/v1/jobs/{laughs}").json()
    assert told["state"] in ("done", "failed") and (told["result"] or {}).get("rows") in (20, None), told
    assert "Traceback" not in json.dumps(told) and len(json.dumps(told)) < 100_000
    assert client.get(f"/api/v1/jobs/{fine}").json()["state"] == "done"
