"""Notices reach real servers, and nothing else: no private address, no secret in any text."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email import message_from_bytes, policy
from typing import Any

import pytest
import trustme
from places import Web, free_port, notice, silent_server, web_server

from kintsu.core.contracts import Notifier
from kintsu.core.errors import NotifyError, UsageError
from kintsu.core.registry import load, names
from kintsu.core.settings import parse_settings
from kintsu.io.notify.airflow import AirflowNotifier
from kintsu.io.notify.email import EmailNotifier
from kintsu.io.notify.kafka import KafkaNotifier
from kintsu.io.notify.log import LogNotifier
from kintsu.io.notify.post import Target, _is_public
from kintsu.io.notify.routes import Failure, Route, routes_from, send_all
from kintsu.io.notify.slack import SlackNotifier, message
from kintsu.io.notify.webhook import SIGNATURE, WebhookNotifier
from kintsu.testing.checks import check_notifier

SECRET = "T0pSecret"
NOTICES = [notice(1), notice(2, kind="resolved"), notice(3, level="page", tables=("orders", "items"))]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        yield server


def at(web: Web, path: str = "", **options: Any) -> Target:
    return Target(f"{web.url}{path}", **{"allow_private": True, "first_wait_s": 0.01, "timeout_s": 5.0} | options)


def nowhere(path: str = "") -> Target:
    return Target(f"http://localhost:{free_port()}{path}", allow_private=True, retries=1, first_wait_s=0.01)


def test_the_webhook_keeps_the_contract(web):
    path = f"/hook?token={SECRET}"
    notifier = WebhookNotifier(at(web, path), secret=SECRET)
    check_notifier(notifier, NOTICES, lambda: web.text, WebhookNotifier(nowhere(path), SECRET), [SECRET])


def test_slack_keeps_the_contract(web):
    path = f"/services/{SECRET}"
    check_notifier(SlackNotifier(at(web, path)), NOTICES, lambda: web.text, SlackNotifier(nowhere(path)), [SECRET])


def test_airflow_keeps_the_contract(web):
    broken = AirflowNotifier(nowhere(), "mend", SECRET)
    check_notifier(AirflowNotifier(at(web), "mend", SECRET), NOTICES, lambda: web.text, broken, [SECRET])


def test_the_log_keeps_the_contract(tmp_path):
    file = tmp_path / "alerts.jsonl"
    broken = LogNotifier(tmp_path / "no folder" / "alerts.jsonl")
    check_notifier(LogNotifier(file), NOTICES, lambda: file.read_text(encoding="utf-8"), broken)
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [line["id"] for line in lines] == ["notice01", "notice02", "notice03", "notice01"]


def test_logging_has_a_level_for_each_urgency(caplog):
    with caplog.at_level(logging.INFO, "kintsu.alerts"):
        for each in NOTICES:
            LogNotifier().send(each)
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO", "CRITICAL"]
    assert caplog.records[0].getMessage() == notice(1).text and caplog.records[0].notice["id"] == "notice01"


@contextmanager
def mailbox(context: ssl.SSLContext | None = None, *, wrapped: bool = False, user: bool = False) -> Iterator[Any]:
    """(port, mails): a mail server with STARTTLS, or TLS from the start; with a password where `user`."""
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult, LoginPassword

    mails: list[Any] = []

    class Keeping:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            mails.append(message_from_bytes(envelope.content, policy=policy.default))
            return "250 OK"

    def known(server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
        right = isinstance(given, LoginPassword) and given.password == SECRET.encode()
        return AuthResult(success=right, handled=False)

    tls = {"ssl_context": context} if wrapped else {"tls_context": context, "require_starttls": context is not None}
    login = {"authenticator": known, "auth_required": True} if user else {}
    controller = Controller(Keeping(), hostname="127.0.0.1", port=free_port(), **tls, **login)
    controller.start()
    try:
        yield controller.port, mails
    finally:
        controller.stop()


def trusted(authority: trustme.CA, tmp_path) -> tuple[ssl.SSLContext, str]:
    """A server's side for `localhost`, and the file that clients trust."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return context, str(file)


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_email_keeps_the_contract(tls, authority, tmp_path):
    context, file = trusted(authority, tmp_path)
    login: dict[str, Any] = {"user": "kintsu", "password": SECRET} if tls == "starttls" else {}
    with mailbox(context, wrapped=tls == "tls", user=bool(login)) as (port, mails):
        notifier = EmailNotifier(
            "localhost", "kintsu@example.org", ("team@example.org", "b@example.org"), port, tls, ca_file=file, **login
        )
        broken = replace(notifier, password="wrong " + SECRET) if login else replace(notifier, ca_file=None)

        def received() -> str:
            return "\n".join(f"{m['Message-ID']} {m['Subject']} {m.get_content()}" for m in mails)

        check_notifier(notifier, NOTICES, received, broken, [SECRET])
        assert mails[0]["To"] == "team@example.org, b@example.org"
        assert mails[0]["Subject"] == "[error] orders: missing in `é-mail 1` began"
        assert "- 40.0 % of the cells are empty; 0.0 % to 1.0 % was expected" in mails[0].get_content()


def test_a_name_from_the_data_adds_no_header_to_an_email():
    evil = notice(1, title="orders\r\nBcc: all@example.org\udc80", lines=("a\nb\x00",))
    with mailbox() as (port, mails):
        EmailNotifier("localhost", "k@example.org", ("t@example.org",), port, "none").send(evil)
    assert mails[0]["Bcc"] is None and mails[0]["Subject"].startswith("[error] orders Bcc: all@example.org")


def test_a_mail_server_that_cannot_encrypt_gets_nothing():
    with mailbox() as (port, mails), pytest.raises(NotifyError, match="does not offer STARTTLS"):
        EmailNotifier("localhost", "k@example.org", ("t@example.org",), port, "starttls").send(notice())
    assert mails == []


def test_kafka_keeps_the_contract(kafka):
    from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

    got: list[Any] = []
    address = kafka.address
    settings = {"bootstrap.servers": address, "group.id": "test", "auto.offset.reset": "earliest", "log_level": 0}
    consumer = Consumer(settings)

    def partitions() -> list[int]:
        return list(consumer.list_topics("alerts", timeout=10).topics["alerts"].partitions)

    def received() -> str:
        """All that arrived; the broker has it when `send` returns."""
        if not got:
            consumer.assign([TopicPartition("alerts", number, OFFSET_BEGINNING) for number in partitions()])
        while (each := consumer.poll(10 if not got else 1)) is not None:
            assert each.error() is None, each.error()
            got.append(each)
        return "\n".join(f"{m.key().decode()} {m.value().decode()}" for m in got)

    notifier = KafkaNotifier(address, "alerts", {"client.id": "kintsu"})
    broken = KafkaNotifier(f"127.0.0.1:{free_port()}", "alerts", {"sasl.password": SECRET}, timeout_s=0.5)
    try:
        check_notifier(notifier, NOTICES, received, broken, [SECRET])
    finally:
        consumer.close()
    assert got[0].key() == b"orders" and got[0].headers() == [("id", b"notice01")]


def test_a_wrong_option_of_kafka_is_told_without_its_value():
    with pytest.raises(NotifyError, match=r"topic alerts: .*check `options`") as error:
        KafkaNotifier("127.0.0.1:1", "alerts", {"sasl.pasword": SECRET}).send(notice())
    assert SECRET not in str(error.value)


def test_what_a_webhook_gets_is_signed(web):
    WebhookNotifier(at(web, "/hook"), secret=SECRET).send(notice())
    ((path, headers, body),) = web.got
    assert path == "/hook" and headers["Idempotency-Key"] == "notice01" and headers["Host"].startswith("localhost:")
    assert headers[SIGNATURE] == "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert json.loads(body) == json.loads(json.dumps(notice().to_dict()))


def test_what_fails_in_passing_is_tried_again(web):
    web.answers = [(503, {}), (429, {"Retry-After": "0"}), (200, {})]
    WebhookNotifier(at(web, retries=2)).send(notice())
    assert [body["id"] for body in web.bodies] == ["notice01"] * 3
    web.answers = [(503, {})] * 9
    with pytest.raises(NotifyError, match="webhook: localhost was tried 3 times: it answered 503"):
        WebhookNotifier(at(web, retries=2)).send(notice())
    assert len(web.got) == 6


@pytest.mark.parametrize(
    ("status", "says"),
    [(404, "refused with 404: check the address"), (400, "refused with 400"), (302, "a redirect: give the address")],
)
def test_what_will_not_pass_is_not_tried_again(web, status, says):
    web.answers = [(status, {"Location": "http://169.254.169.254/"})]
    with pytest.raises(NotifyError, match=says):
        WebhookNotifier(at(web)).send(notice())
    assert len(web.got) == 1


def test_a_server_that_never_answers_is_left_after_the_time_limit():
    with silent_server() as port, pytest.raises(NotifyError, match="TimeoutError"):
        WebhookNotifier(Target(f"http://localhost:{port}", timeout_s=0.1, retries=0, allow_private=True)).send(notice())


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::1]", "0.0.0.0", "169.254.169.254", "10.1.2.3", "2130706433"]
)
def test_private_addresses_are_refused_before_anything_is_sent(host, web):
    port = web.url.rpartition(":")[2]
    with pytest.raises(NotifyError, match=r"private network; say `allow_private: true`"):
        WebhookNotifier(Target(f"http://{host}:{port}/{SECRET}")).send(notice())
    assert web.got == []


PRIVATE = """
127.0.0.1 10.0.0.1 192.168.1.1 172.16.0.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 ::1 :: ff02::1 fe80::1%eth0
fc00::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 2002:7f00:1::
"""


@pytest.mark.parametrize("address", PRIVATE.split())
def test_these_addresses_are_not_public(address):
    assert not _is_public(address)


def test_these_addresses_are_public():
    assert all(_is_public(address) for address in ("1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"))


def test_the_address_that_was_checked_is_the_one_that_is_used(web, monkeypatch):
    """A name that leads elsewhere when it is looked up a second time finds nobody to ask."""
    found, asked = socket.getaddrinfo, []

    def counted(*arguments: Any, **options: Any) -> Any:
        asked.append(arguments[0])
        return found(*arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", counted)
    WebhookNotifier(at(web)).send(notice())
    assert asked.count("localhost") == 1 and len(web.got) == 1


def test_certificates_are_checked_against_the_name(authority, tmp_path):
    context, file = trusted(authority, tmp_path)
    with web_server(context) as web:
        WebhookNotifier(at(web, ca_file=file)).send(notice())
        with pytest.raises(NotifyError, match="localhost: its certificate is not trusted"):
            WebhookNotifier(at(web)).send(notice())
        other = replace(at(web, ca_file=file), url=web.url.replace("localhost", "127.0.0.1"))
        with pytest.raises(NotifyError, match="its certificate is not trusted"):
            WebhookNotifier(other).send(notice())
    assert len(web.got) == 1


def test_slack_shows_what_stands_in_the_data_and_obeys_none_of_it():
    evil = notice(
        1, title="orders: <!channel> <http://evil|x> & @here *b*", lines=tuple(f"line {i}" for i in range(12))
    )
    told = message(evil)
    text = told["blocks"][0]["text"]["text"]
    assert "<" not in json.dumps(told) and "@here" not in text and "&lt;!channel&gt;" in text
    assert text.startswith(":red_circle: *orders") and text.endswith("• line 9\nand 2 more")
    long = message(notice(1, title="x" * 9_000, lines=("y" * 9_000,)))
    assert max(len(long["text"]), len(long["blocks"][0]["text"]["text"])) <= 3_000
    assert message(notice(2, kind="resolved"))["blocks"][0]["text"]["text"].startswith(":white_check_mark:")


def test_airflow_starts_one_run_for_one_notice(web):
    web.answers = [(200, {}), (409, {})]
    for _ in range(2):
        AirflowNotifier(at(web, "/base/"), "mend orders", SECRET).send(notice())
    path, headers, _ = web.got[0]
    assert path == "/base/api/v2/dags/mend%20orders/dagRuns" and headers["Authorization"] == f"Bearer {SECRET}"
    assert web.bodies[0]["dag_run_id"] == "kintsu__notice01" and web.bodies[0]["logical_date"] is None
    assert web.bodies[0]["conf"]["issue"] == "missing"
    AirflowNotifier(at(web), "mend", SECRET, api="v1").send(notice())
    assert web.got[2][0] == "/api/v1/dags/mend/dagRuns" and "logical_date" not in web.bodies[2]


SETTINGS = """
- log: {}
- log: {file: alerts.jsonl, kinds: [opened, resolved]}
- webhook: {url: "https://example.org/hook", secret: "${HOOK}", timeout: 5 seconds, retries: 1, tables: [orders]}
- slack: {url: "${SLACK_URL}", at_least: page}
- email:
    server: mail.example.org
    from: kintsu@example.org
    to: [team@example.org]
    user: kintsu
    password: ${MAIL}
- kafka: {servers: "localhost:9092", topic: alerts, options: {sasl.password: "${KAFKA}", acks: all}}
- airflow: {url: "https://airflow.example.org", dag: mend, token: "${AIRFLOW}", api: v1}
"""
ENVIRONMENT = {name: f"{SECRET}-{name}" for name in ("HOOK", "MAIL", "KAFKA", "AIRFLOW")} | {
    "SLACK_URL": f"https://hooks.example.org/{SECRET}"
}


def test_notifiers_are_read_from_yaml_and_show_no_secret():
    routes = routes_from(parse_settings(SETTINGS), ENVIRONMENT)
    assert [route.notifier.name for route in routes] == ["log", "log", "webhook", "slack", "email", "kafka", "airflow"]
    assert SECRET not in repr(routes) and SECRET not in str([route.notifier for route in routes])
    assert all(isinstance(route.notifier, Notifier) for route in routes)
    webhook, email, kafka = (routes[i].notifier for i in (2, 4, 5))
    assert webhook.secret == f"{SECRET}-HOOK" and (webhook.target.timeout_s, webhook.target.retries) == (5.0, 1)
    assert (email.port, email.tls, email.password) == (587, "starttls", f"{SECRET}-MAIL")
    assert kafka.options == {"sasl.password": f"{SECRET}-KAFKA", "acks": "all"}
    got = [[n.id for n in NOTICES if route.takes(n)] for route in routes]
    assert got[1] == ["notice01", "notice02", "notice03"] and got[3] == ["notice03"]
    assert not routes[2].takes(notice(4, tables=("items",)))
    assert not routes[1].takes(notice(4, kind="escalated"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- slak: {url: '${SLACK_URL}'}", "unknown key 'slak'; did you mean 'slack'?"),
        ("- slack: {url: 'https://hooks.example.org/abc'}", "a secret stands in the environment, not in this file"),
        ("- slack: {url: '${NONE}'}", "the environment has no variable NONE"),
        ("- slack: {}", "`url` is missing"),
        ("- slack:", "`url` is missing"),
        ("- webhook: {url: ftp://example.org}", "expected a URL such as"),
        ("- webhook: {url: 'https://example.org:x'}", "expected a URL such as"),
        ("- webhook: {url: 'https://u:p@example.org'}", "a user and password in a URL are not sent"),
        ("- webhook: {url: 'https://example.org', secret: abc}", "a secret stands in the environment"),
        ("- webhook: {url: 'https://example.org', retrys: 2}", "unknown key 'retrys'; did you mean 'retries'?"),
        ("- webhook: {url: 'https://example.org', retries: -1}", "a whole number of at least 0"),
        ("- webhook: {url: 'https://example.org', timeout: 0 seconds}", "longer than none"),
        ("- webhook: {url: 'https://example.org', at_least: pages}", "did you mean 'page'?"),
        ("- webhook: {url: 'https://example.org', kinds: [open]}", "did you mean 'opened'?"),
        ("- {log: {}, kafka: {}}", "expected one notifier an entry"),
        ("- log: {file: 3}", "expected a text"),
        ("- kafka: {servers: x}", "`topic` is missing"),
        ("- kafka: {servers: x, topic: y, options: {sasl.password: abc}}", "a secret stands in the environment"),
        ("- email: {server: x, from: k@example.org, to: []}", "at least one address"),
        ("- email: {server: x, from: nobody, to: [t@example.org]}", "an address such as"),
        ("- email: {server: x, from: k@x.org, to: t@x.org, user: u}", "`user` and `password` belong together"),
        (
            "- email: {server: x, from: k@x.org, to: t@x.org, user: u, password: '${MAIL}', tls: none}",
            "not sent in clear",
        ),
        ("- airflow: {url: 'https://example.org', dag: d, token: abc}", "a secret stands in the environment"),
        ("log: {}", "expected a list, found a mapping: write `- log: {}`"),
        ("- log", "expected a mapping, found text: write `- log: {}`"),
        ("- log: name", "expected a mapping, found text: write {}, or {file: alerts.jsonl}"),
        ("- slack: '#alerts'", "expected a mapping, found text: write {url: ...}"),
        ("- email: ann@example.org", "expected a mapping, found text: write {server: ..., from: ..., to: ...}"),
        ("- log: {tables: orders}", "expected a list, found text: write [orders, items]"),
        ("- log: {kinds: opened}", "expected a list, found text: write [opened]"),
        ("- kafka: {servers: x, topic: y, options: fast}", "found text: write {linger.ms: 5}"),
        (
            "- webhook: {url: 'https://example.org', timeout: 5}",
            "expected a duration such as '15 minutes', found int 5",
        ),
    ],
)
def test_a_mistake_in_the_settings_is_told_with_its_line(text, says):
    with pytest.raises(UsageError) as error:
        routes_from(parse_settings(text, "monitor.yaml"), ENVIRONMENT)
    assert says in str(error.value) and str(error.value).startswith("monitor.yaml, line 1: ")
    assert SECRET not in str(error.value)


class Exploding:
    """A notifier with a mistake in it."""

    name = "exploding"

    def send(self, each):
        raise RuntimeError(f"the key is {SECRET}")


def test_one_that_fails_stops_no_other(tmp_path, web):
    file = tmp_path / "alerts.jsonl"
    routes = [
        Route(Exploding()),
        Route(SlackNotifier(nowhere())),
        Route(WebhookNotifier(at(web))),
        Route(LogNotifier(file)),
    ]
    failures = send_all(routes, [notice(n) for n in range(4)])
    assert [body["id"] for body in web.bodies] == [f"notice{n:02d}" for n in range(4)]
    assert len(file.read_text(encoding="utf-8").splitlines()) == 4
    assert [f.notifier for f in failures] == ["exploding"] * 4 + ["slack"] * 4
    assert failures[0] == Failure("exploding", "notice00", "exploding: failed with RuntimeError")
    assert failures[5].message.startswith("slack: localhost was tried 2 times: ConnectionRefusedError")
    assert failures[6].message == "slack: not tried, since it failed 2 times before"
    assert SECRET not in str([f.to_dict() for f in failures])


def test_every_notifier_says_its_keys():
    for name in names("notifiers"):
        kind = load("notifiers", name)
        assert "Keys: " in (kind.from_settings.__doc__ or ""), name
