"""An assistant's tools, called as an assistant calls them: the SDK's own client, over the pipes of a real process."""

from __future__ import annotations

import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import polars as pl
import pytest
from mcp import Client, StdioServerParameters

import kintsu as kt
from kintsu.apps.assistant.folders import Folders
from kintsu.apps.assistant.local import LocalTools
from kintsu.apps.assistant.remote import RemoteTools
from kintsu.apps.assistant.tools import server
from kintsu.core.errors import ServiceProblem
from kintsu.io.service.keys import ROLES, Keys
from kintsu.io.store.history import History

CITIES = ["Lyon", "Paris", "Nice"] * 19 + ["Pariss", "Lyonn", "Nic"]
ALL = {"check", "heal", "questions", "answer", "changes", "undo"}


@pytest.fixture
def table(tmp_path) -> Path:
    path = tmp_path / "data" / "orders.csv"
    path.parent.mkdir()
    pl.DataFrame({"id": range(60), "city": CITIES}).write_csv(path)
    return path


@asynccontextmanager
async def assistant(root, *more, key=""):
    command = ["-m", "kintsu", "mcp", "--root", str(root), *more]
    told = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ} | {"KINTSU_KEY": key}
    async with Client(StdioServerParameters(command=sys.executable, args=command, env=told)) as client:
        yield client


@asynccontextmanager
async def at_hand(root, role="admin", home=None, sensitive=()):
    """The same tools in this process."""
    tools = LocalTools(home or root / ".kintsu", Folders((root,), sensitive))
    async with Client(server(tools, role)) as client:
        yield client


async def ask(client, tool, **given):
    """The answer of a tool; a refusal is an error with its words."""
    told = await client.call_tool(tool, given)
    if told.is_error:
        raise PermissionError(told.content[0].text)
    return told.structured_content.get("result", told.structured_content)


def test_a_table_is_planned_mended_asked_about_and_given_back(table):
    async def morning():
        before, out = table.read_bytes(), table.with_name("orders.healed.csv")
        async with assistant(table.parent) as client:
            checked = await ask(client, "check", path=str(table))
            assert checked["rows"] == 60 and checked["by_kind"]
            plan = await ask(client, "heal", path="orders.csv", auto=0.5)
            assert plan["applied"] == len(plan["changes"]) > 0 and not plan["written"] and "run" not in plan
            assert not out.exists()
            done = await ask(client, "heal", path="orders.csv", apply=True, auto=1.0)
            assert Path(done["output"]) == out and table.read_bytes() == before
            again = await ask(client, "heal", path="orders.csv", apply=True, auto=0.5)
            assert Path(again["output"]).name == "orders.healed-2.csv"
            told = await ask(client, "changes", run=again["run"], column="city", limit=1)
            assert told["edits"] == again["applied"] and told["changes"][0]["why"]
            first = (await ask(client, "questions", run=done["run"]))[0]
            said = await ask(client, "answer", run=done["run"], question=first["question"], option="accept")
            assert said["applied"] == first["cells"] and out.read_bytes() != before
            await ask(client, "undo", run=said["change"])
            assert (await ask(client, "undo", run=again["run"]))["restored"] == "bytes"
        assert out.read_bytes() == before == table.with_name("orders.healed-2.csv").read_bytes()

    anyio.run(morning)


@pytest.mark.parametrize(
    ("role", "may"),
    [("viewer", {"questions", "changes"}), ("steward", ALL - {"check", "heal"}), ("engineer", ALL), ("admin", ALL)],
)
def test_a_role_has_the_tools_that_the_service_grants_it(table, role, may):
    async def look():
        async with at_hand(table.parent, role) as client:
            tools = (await client.list_tools()).tools
            assert {tool.name for tool in tools} == may and all(tool.description for tool in tools)
            for name in ALL - may:
                with pytest.raises(PermissionError, match="Unknown tool"):
                    await ask(client, name, run="r-0", path="orders.csv", question="q-1", option="accept")

    anyio.run(look)


def test_nothing_outside_the_folders_is_read_or_told(table, tmp_path):
    secret, link = tmp_path / "secret.csv", table.with_name("link.csv")
    secret.write_bytes(table.read_bytes())
    link.symlink_to(secret)

    async def try_them():
        async with at_hand(table.parent) as client:
            for path in (
                str(secret),
                "../secret.csv",
                "link.csv",
                "/etc/passwd",
                "nothing.csv",
                "http://localhost/x.csv",
            ):
                for tool in ("check", "heal"):
                    with pytest.raises(PermissionError, match="no file"):
                        await ask(client, tool, path=path)
        async with at_hand(tmp_path, home=tmp_path / "home") as client:
            run = (await ask(client, "heal", path="secret.csv", apply=True, auto=0.5))["run"]
        async with at_hand(table.parent, home=tmp_path / "home") as client:
            for tool in ("changes", "questions", "undo"):
                with pytest.raises(PermissionError, match="outside"):
                    await ask(client, tool, run=run)

    anyio.run(try_them)


def test_sensitive_values_are_told_to_no_assistant(table):
    async def look():
        async with at_hand(table.parent, sensitive=("city", "of another table")) as client:
            told = [
                await ask(client, "check", path="orders.csv"),
                await ask(client, "heal", path="orders.csv", auto=0.5),
            ]
            told.append(await ask(client, "heal", path="orders.csv", apply=True, auto=0.5))
            run = told[-1]["run"]
            told += [await ask(client, "changes", run=run), await ask(client, "questions", run=run)]
            assert "Pariss" not in str(told) and "Lyonn" not in str(told)

    anyio.run(look)


def test_sensitive_values_of_a_run_that_others_made_are_told_to_no_assistant(table):
    run = kt.heal(table, home=table.parent / ".kintsu", auto=0.5).run
    more = kt.heal(table, home=table.parent / ".kintsu", auto=1.0, out=table.with_name("asked.csv")).run

    def told(*sensitive):
        tools = LocalTools(table.parent / ".kintsu", Folders((table.parent,), sensitive))
        return str([tools.changes(run), tools.questions(more)])

    assert told().count("Pariss") > 1 and told("[a-z]*").count("Pariss") > 1
    assert "Pariss" not in told("city") and "Lyonn" not in told("city")


@pytest.fixture
def service(tmp_path, served):
    """`kintsu serve --sign-in` with a worker: its address, and a key for each role."""
    home = tmp_path / "service"
    keys = {role: Keys(History(home, "local")).create(role, role, by="test")[1] for role in ROLES}
    with served(home, "--sign-in") as address:
        yield address, keys


def test_over_a_service_the_role_of_the_key_counts(table, service):
    address, keys = service

    async def morning():
        before = table.read_bytes()
        async with assistant(table.parent, "--service", address, key=keys["engineer"]) as client:
            assert (await ask(client, "check", path="orders.csv"))["rows"] == 60
            plan = await ask(client, "heal", path="orders.csv", auto=0.5)
            assert plan["applied"] == len(plan["changes"]) > 0 and not plan["written"] and "run" not in plan
            assert [each.name for each in table.parent.iterdir()] == ["orders.csv"]
            done = await ask(client, "heal", path="orders.csv", apply=True, auto=1.0)
            assert Path(done["output"]) == table.with_name("orders.healed.csv") and table.read_bytes() == before
            question = (await ask(client, "questions", run=done["run"]))[0]["question"]
        async with assistant(table.parent, "--service", address, key=keys["viewer"]) as client:
            assert {tool.name for tool in (await client.list_tools()).tools} == {"questions", "changes"}
            assert await ask(client, "questions", run=done["run"])
        async with assistant(table.parent, "--service", address, "--role", "steward", key=keys["admin"]) as client:
            said = await ask(client, "answer", run=done["run"], question=question, option="accept")
            assert said["applied"] and (await ask(client, "changes", run=said["change"]))["edits"] == said["applied"]
            assert (await ask(client, "undo", run=said["change"]))["edits"] == said["applied"]
        return done["run"], question

    run, question = anyio.run(morning)
    with kt.Client(address, keys["engineer"]) as client:
        made = client.heal(table, auto=0.5)["run"]  # by somebody who calls nothing sensitive
        for sensitive, is_told in (((), True), (("city",), False)):
            hidden = RemoteTools(client, Folders((table.parent,), sensitive))
            assert ("Pariss" in str(hidden.changes(made))) is ("Lyonn" in str(hidden.questions(run))) is is_told
    with kt.Client(address, keys["viewer"]) as client:
        tools = RemoteTools(client, Folders((table.parent,)))  # as if the tools were there: the service refuses
        for refused in (
            lambda: tools.undo(run),
            lambda: tools.answer(run, question, "accept"),
            lambda: tools.heal(str(table)),
        ):
            with pytest.raises(ServiceProblem, match="needs the role"):
                refused()
