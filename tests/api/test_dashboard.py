"""The built page is served beside the API, from the package alone."""

import gzip
import json
import re
import shutil
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from kintsu.apps.api.dashboard import STATIC, Dashboard

ROOT = Path(__file__).parents[2]
INDEX = (STATIC / "index.html").read_text(encoding="utf-8")
ASSETS = re.findall(r'"(/assets/[^"]+)"', INDEX)


@pytest.mark.parametrize(
    "address", ["/", "/index.html", "/runs/r-1", "/tables/watched/a%2Fb.csv", "/no such page", "/apidae"]
)
def test_an_address_of_the_page_answers_with_the_page(connect, address):
    answer = connect().get(address)
    assert answer.text == INDEX
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-security-policy"]


def test_assets_are_kept_for_ever_and_sent_packed(connect):
    client = connect()
    assert any(each.endswith(".js") for each in ASSETS) and any(each.endswith(".css") for each in ASSETS)
    for address in ASSETS:
        packed = client.get(address)  # this client says that it takes gzip
        plain = client.get(address, headers={"Accept-Encoding": "identity"})
        assert "immutable" in packed.headers["cache-control"]
        assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
        assert packed.content == plain.content == (STATIC / address[1:]).read_bytes()
        assert len(gzip.compress(plain.content)) < len(plain.content) / 2


def test_an_upgrade_beneath_a_service_takes_no_page_away(tmp_path):
    shutil.copytree(STATIC, tmp_path / "static")
    client = TestClient(Dashboard(Starlette(), tmp_path / "static"))
    assert client.get("/").text == INDEX
    shutil.rmtree(tmp_path / "static")
    for address in ("/", *ASSETS):
        assert client.get(address).status_code == 200, address


@pytest.mark.parametrize("address", ["/api/v1/nothing", "/api", "/assets/gone.js", "/assets/%2e%2e/index.html"])
def test_what_is_not_there_is_no_page(connect, address):
    answer = connect().get(address)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("address", ["/%2e%2e/app.py", "/..%2fapp.py", "/static/../app.py", "//etc/passwd", "/app.py"])
def test_no_other_file_can_be_had(connect, address):
    assert connect().get(address).text == INDEX


def test_only_reading_reaches_it(connect):
    assert connect().post("/").status_code == 404
    assert connect().head("/").headers["content-length"]


def test_the_page_needs_no_sign_in_and_the_service_does(connect):
    client = connect(sign_in=True)
    assert client.get("/").status_code == 200
    assert client.get("/api/v1/me").status_code == 401


def test_nothing_is_inline_and_nothing_comes_from_elsewhere():
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|javascript:", INDEX)
    assert not re.search(r'(src|href)="(?!/)', INDEX)
    for path in STATIC.rglob("*.css"):
        assert "url(http" not in path.read_text(encoding="utf-8") and "@import" not in path.read_text(encoding="utf-8")


def test_the_lock_file_names_no_registry():
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text(encoding="utf-8"))
    assert lock["packages"] and not [name for name, each in lock["packages"].items() if "resolved" in each]
