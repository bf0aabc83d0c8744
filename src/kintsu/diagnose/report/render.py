"""Plain report data in, HTML out. Everything is escaped by Jinja2; the page holds no script and loads nothing."""

from __future__ import annotations

import base64
import hashlib
import shlex
import zlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from kintsu.diagnose.report.collect import collect
from kintsu.diagnose.report.svg import draw, number, seam
from kintsu.diagnose.words import KIND_WORDS, count_of, counted, dimension_word, percent

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["notebook", "render", "styled_page"]


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, loader=FunctionLoader(_source)
    )
    environment.filters.update(
        count_of=count_of,
        counted=counted,
        dimension=dimension_word,
        percent=percent,
        number=number,
        kind_word=_kind_word,
        at_home=_at_home,
    )
    environment.globals.update(draw=draw, seam=seam)
    return environment


def _source(name: str) -> str:
    return (files("kintsu.diagnose.report") / "templates" / name).read_text(encoding="utf-8")


def _kind_word(kind: str) -> str:
    return KIND_WORDS.get(kind, ("", kind))[1]


def _at_home(command: str, home: str | None) -> str:
    return f"{command} --home {shlex.quote(home)}" if home else command


def _style(name: str) -> tuple[Markup, str]:
    """A style sheet and its hash for the content security policy (of exactly the text between the tags)."""
    text = _source(name)
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(text), f"'sha256-{digest}'"


def _collected(result: Mapping[str, Any]) -> Mapping[str, Any]:
    return collect(result) if "reference" in result else result


def render(result: Mapping[str, Any]) -> str:
    """The report as one self-contained page: no script, nothing fetched, light and dark, made for phones too.

    Takes what `collect` takes, or what it returned.
    """
    data = _collected(result)
    seed = zlib.crc32(str(data["run"].get("run", "")).encode())
    return styled_page("report.html", data=data, seed=seed)


def styled_page(template: str, **values: Any) -> str:
    """A page of its own with the report's style sheet in it."""
    style, digest = _style("report.css")
    return _templates().get_template(template).render(style=style, digest=digest, **values)


def notebook(result: Mapping[str, Any]) -> str:
    """The result as a fragment for a notebook's cell output; for `_repr_html_`. Takes what `render` takes."""
    data = _collected(result)
    return _templates().get_template("notebook.html").render(data=data)
