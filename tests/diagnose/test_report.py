"""The report is bounded, masked, harmless, and says the same for the same run."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_result import RECIPES, STRIP, result, table

from kintsu.core.batch import Batch
from kintsu.core.frames import DECISIONS, empty
from kintsu.core.vocabulary import KINDS
from kintsu.diagnose.masking import HIDDEN, HIDDEN_WHY, mask
from kintsu.diagnose.report import collect, issues_of, notebook, render, with_examples
from kintsu.diagnose.report.svg import draw
from kintsu.diagnose.words import KIND_WORDS, percent, shorten

PAGE = {"html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "article", "figure"}
TEXT = {
    "div",
    "span",
    "p",
    "h1",
    "h2",
    "h3",
    "b",
    "i",
    "strong",
    "small",
    "code",
    "pre",
    "del",
    "ins",
    "details",
    "summary",
}
LISTS = {"ol", "ul", "li", "dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td"}
ALLOWED = PAGE | TEXT | LISTS | {"svg", "rect", "text", "line", "polyline"}


class Page(HTMLParser):
    """Collects every tag, attribute and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        self.words.append(data)


EVIL = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '=HYPERLINK("http://example.com","x")',
    "</style></title><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "\x1b[31mred\x00\u202eright to left 😀",
]


def check_harmless(html: str) -> Page:
    page = Page(html)
    assert set(page.tags) <= ALLOWED, set(page.tags) - ALLOWED
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href", "style")]
    assert not page.open
    return page


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=40))
def test_no_text_can_leave_its_place(text):
    check_harmless(render(result(evil=text)))


@pytest.mark.parametrize("text", EVIL)
def test_dangerous_cells_are_shown_and_do_no_harm(text):
    page = check_harmless(render(result(evil=text, table=text, input=text)))
    assert any(shorten(text)[:12] in words for words in page.words)
    assert "49" not in "".join(page.words[:5])


@pytest.mark.parametrize("text", EVIL)
def test_dangerous_cells_do_no_harm_in_a_notebook(text):
    page = Page(notebook(result(evil=text, table=text)))
    assert set(page.tags) <= ALLOWED
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href")]


def test_the_page_loads_nothing_and_says_so_to_the_browser():
    html = render(result())
    assert "default-src 'none'" in html and "sha256-" in html
    assert "http" not in html.replace("http-equiv", "")


def test_the_policy_admits_exactly_the_page_s_own_style():
    import base64
    import hashlib

    html = render(result())
    style = html.split("<style>")[1].split("</style>")[0]
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in html


def test_the_same_run_gives_the_same_data_and_page():
    assert json.dumps(collect(result())) == json.dumps(collect(result()))
    assert render(result()) == render(collect(result()))


def test_says_what_was_done_and_how_to_take_it_back():
    words = " ".join(Page(render(result(home="/data/my store"))).words)
    for expected in ("3 cells were mended", "12 EUR", "Norway", "91.3", "97.0", "99 %", STRIP.text):
        assert expected in words, expected
    assert "kintsu undo 20260102-abcd --home '/data/my store'" in words


def test_says_why_cells_were_left_alone():
    left = {(item["column"], item["kind"]): item["reason"] for item in collect(result())["left"]}
    assert left["amount", "missing"] == "done only when asked for (--impute)"
    assert left["amount", "outlier"] == "it may be right; the table does not tell"
    assert ("amount", "unit") not in left


def test_issues_come_in_order_of_cost():
    costs = [issue["cost"] for issue in collect(result())["issues"]]
    assert costs == sorted(costs, reverse=True) and len(costs) == 8


def test_a_page_of_issues_has_the_examples_that_all_of_them_have():
    found, decided = result()["findings"], result()["decisions"]
    decided = decided.with_columns(sure=pl.coalesce("confidence", "score"))
    issues = issues_of(found, decided)
    whole = with_examples(issues, found, decided, limit=len(issues))
    assert [with_examples(issues, found, decided, start=i, limit=1) for i in range(len(issues))] == [[i] for i in whole]
    for issue in whole:
        mine = found.filter(pl.col("column").eq_missing(pl.lit(issue["column"])), pl.col("kind") == issue["kind"])
        sure = [example["sure"] for example in issue["examples"]]
        assert {example["row"] for example in issue["examples"]} <= set(mine["row"]) and 1 <= len(sure) <= 4
        assert sure == sorted(sure, reverse=True)


def test_a_failed_step_is_named():
    assert "typo ran out of memory" in " ".join(
        " ".join(Page(render(result(failed=[{"step": "typo", "error": "typo ran out of memory"}]))).words).split()
    )


def test_sensitive_values_appear_nowhere():
    data = collect(result(sensitive=("city", "amount")))
    text = json.dumps(data, ensure_ascii=False) + render(data) + notebook(data)
    for secret in ("Lyon", "Oslo", "12 EUR", "9000", "N/A"):
        assert secret not in text, secret
    assert HIDDEN in text


def test_evidence_that_quotes_a_sensitive_cell_of_its_row_is_hidden():
    whys = ["4 of 5 rows say Lyon", "rests on city", "nothing private"]
    frame = pl.DataFrame({"row": [0, 1, 2], "column": ["country"] * 3, "value": ["France"] * 3, "why": whys})
    secrets = pl.DataFrame({"__row": [0, 1, 2], "city": ["Lyon", "Oslo", "Rome"]})
    masked = mask(frame, {"city"}, secrets=secrets)
    assert masked["why"].to_list() == [HIDDEN_WHY, HIDDEN_WHY, "nothing private"]
    assert masked["value"].to_list() == ["France"] * 3


def test_masking_keeps_null_null():
    frame = pl.DataFrame({"row": [0], "column": ["city"], "old": ["Lyon"], "new": pl.Series([None], dtype=pl.String)})
    assert mask(frame, {"city"}).row(0) == (0, "city", HIDDEN, None)


def test_a_check_shows_no_changes():
    raw = {name: value for name, value in result().items() if name not in ("decisions", "recipes", "scores_after")}
    data = collect({**raw, "run": None, "crash": None})
    words = " ".join(Page(render(data)).words)
    assert data["verb"] == "check" and "mended" not in words and "undo " not in words.replace("undone", "")


def test_an_empty_table_and_a_clean_one_have_a_report():
    empty = Batch.of(pl.DataFrame({"a": pl.Series([], dtype=pl.String)}), "empty")
    raw = result()
    for name in ("findings", "decisions"):
        raw[name] = raw[name].clear()
    check_harmless(render({**raw, "sample": empty, "rows": 0, "columns": ["a"], "crash": None, "scores": None}))
    assert "Nothing." in render(raw)


def test_the_page_stays_small_whatever_the_table():
    columns = [f"column {n} " + "x" * 60 for n in range(300)]
    wide = "word " * 2_000_000
    frame = pl.DataFrame(
        {name: ["a", "b", wide, None] for name in columns[:3]} | {name: list("abcd") for name in columns[3:]}
    )
    batch = Batch.of(frame, "wide")
    rows = [(r, c, k, 0.5, None, "d" * 50, None, "why " * 80, f"value {r} " * 9, None)
            for c in columns for r in range(4) for k in sorted(KINDS)[:6]]  # fmt: skip
    raw = result()
    findings = pl.DataFrame(rows, schema=raw["findings"].schema, orient="row")
    html = render({**raw, "findings": findings, "sample": batch, "rows": 10**9, "columns": columns})
    assert len(html.encode()) < 1_000_000


def test_every_kind_has_words():
    assert set(KIND_WORDS) == KINDS


def test_certainty_is_never_rounded_up():
    assert percent(0.99999) == "99.9 %"


def test_made_up_result_is_sound():
    assert len(table()) == 40 and len(RECIPES) == 4


def test_counts_beside_the_bars_are_not_cut_off():
    items = [{"text": "New York", "before": 1_234_567, "after": 1_234_890, "bad": 3}]
    drawn = str(draw({"type": "values", "items": [*items, {**items[0], "text": "x", "before": 3}], "rest": 0}))
    labels = re.findall(r'<text class="count" x="([\d.]+)" y="[\d.]+">([^<]*)</text>', drawn)
    assert len(labels) == 2 and all(float(x) + 6.3 * len(text) <= 340 for x, text in labels)


def test_a_table_without_rows_is_told_as_such():
    html = render({**result(), "rows": 0, "findings": result()["findings"].head(0), "decisions": empty(DECISIONS)})
    assert "there are no rows to look at" in html and "0 rows" in html and "0 repairs" not in html
    assert "kintsu undo" not in html


def test_what_is_cut_from_the_list_of_what_was_left_alone_is_counted():
    found = pl.concat([result()["findings"].with_columns(column=pl.lit(f"c{n}")) for n in range(60)])
    told = collect({**result(), "findings": found, "decisions": empty(DECISIONS)})
    assert len(told["left"]) == 40 and told["left_in_all"] > 60
    assert f"And {told['left_in_all'] - 40} more lines like these" in render(told)


def test_questions_stand_with_the_command_of_each_answer():
    told = result()
    option = {"option": "accept", "text": "Yes, change 4 cells.", "effect": []}
    asked = {"question": "q-1", "text": "<b>a</b>: strip oz. Right? For example 1 oz", "cells": 4, "options": [option]}
    page = render({**told, "questions": [asked]})
    assert "What only you can tell" in page and "&lt;b&gt;a&lt;/b&gt;: strip oz. Right?" in page
    assert f"kintsu answer {told['run']} q-1 accept" in page
    assert "What only you can tell" not in render(told)
