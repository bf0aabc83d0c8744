"""The page of a watched table: plain data in, HTML out. Courses with their bands, a calendar of days."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Final

from markupsafe import Markup, escape

from kintsu.diagnose.report.render import styled_page
from kintsu.diagnose.report.svg import number

__all__ = ["calendar_svg", "course_svg", "render"]

WIDTH: Final = 520
HEIGHT: Final = 120
CELL: Final = 14  # of a day in the calendar
STATES: Final = {
    "learnt": "as usual",
    "accepted": "alarmed, accepted",
    "rejected": "alarmed, rejected",
    "held": "alarmed, waiting",
}


def render(data: Mapping[str, Any]) -> str:
    """The page of what `run.pictures.picture` returns."""
    seed = zlib.crc32(str(data["table"]).encode())
    return styled_page(
        "watched.html",
        data=data,
        seed=seed,
        course=course_svg,
        calendar=calendar_svg,
        states=STATES,
        when=_when,
        last=_last,
    )


def _last(course: Mapping[str, Any]) -> str:
    """The last value in words, and what was expected."""
    known = [point for point in course["points"] if point["value"] is not None]
    if not known:
        return ""
    point = known[-1]
    expected = "" if point["low"] is None else f"; {number(point['low'])} to {number(point['high'])} expected"
    return f"{number(point['value'])}{expected}"


def _when(text: str) -> str:
    return text[:16].replace("T", " ")


def course_svg(course: Mapping[str, Any]) -> Markup:
    """The values over the batches, in the band of what was expected; what alarmed is marked."""
    points = course["points"]
    known = [x for point in points for x in (point["value"], point["low"], point["high"]) if x is not None]
    values = [point["value"] for point in points if point["value"] is not None]
    if not values:
        return Markup("")
    low, high = _limits(values, known)
    floor, left = HEIGHT - 4, 5
    step = (WIDTH - 2 * left) / max(len(points) - 1, 1)

    def x(i: int) -> float:
        return left + i * step

    def y(value: float) -> float:
        return 6 + (floor - 12) * (1 - (min(max(value, low), high) - low) / ((high - low) or 1.0))

    band = _band(points, x, y)
    line = [_line(part, x, y) for part in _parts(points)]
    dots = [
        Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{}"><title>{}</title></circle>').format(
            point["state"], x(i), y(point["value"]), 4 if point["state"] != "learnt" else 1.6, _dot(point)
        )
        for i, point in enumerate(points)
        if point["value"] is not None
    ]
    n = sum(point["state"] != "learnt" for point in points)
    label = (
        f"{course['fact']} over {len(points)} batches from {number(min(values))} to {number(max(values))}; {n} alarms"
    )
    return Markup('<svg class="plot course" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, label, Markup("").join([*band, *line, *dots])
    )


def _limits(values: Sequence[float], known: Sequence[float]) -> tuple[float, float]:
    """The values and their bands, but no band that would flatten the values to a line."""
    low, high = min(values), max(values)
    room = (high - low) or abs(high) * 0.1 or 1.0
    return max(min(known), low - room), min(max(known), high + room)


def _parts(points: Sequence[Mapping[str, Any]]) -> list[list[tuple[int, float]]]:
    """Runs of batches without a gap."""
    parts: list[list[tuple[int, float]]] = [[]]
    for i, point in enumerate(points):
        if point["value"] is None:
            parts.append([])
        else:
            parts[-1].append((i, point["value"]))
    return [part for part in parts if part]


def _line(part: Sequence[tuple[int, float]], x: Any, y: Any) -> Markup:
    return Markup('<polyline class="line" points="{}"/>').format(" ".join(f"{x(i):.1f},{y(v):.1f}" for i, v in part))


def _band(points: Sequence[Mapping[str, Any]], x: Any, y: Any) -> list[Markup]:
    edges = [(i, p["low"], p["high"]) for i, p in enumerate(points) if p["low"] is not None and p["high"] is not None]
    if not edges:
        return []
    breaks = [k + 1 for k, (a, b) in enumerate(pairwise(edges)) if b[0] != a[0] + 1]
    out = []
    for start, end in pairwise([0, *breaks, len(edges)]):
        part = edges[start:end]
        around = [f"{x(i):.1f},{y(high):.1f}" for i, _, high in part]
        around += [f"{x(i):.1f},{y(low):.1f}" for i, low, _ in reversed(part)]
        out.append(Markup('<polygon class="band" points="{}"/>').format(" ".join(around)))
    return out


def _dot(point: Mapping[str, Any]) -> str:
    expected = "" if point["low"] is None else f"; {number(point['low'])} to {number(point['high'])} was expected"
    return f"{point['batch']}: {number(point['value'])}{expected} ({STATES[point['state']]})"


def calendar_svg(days: Sequence[Mapping[str, Any]]) -> Markup:
    """A column for each week, a cell for each day, by the worst state of its batches."""
    if not days:
        return Markup("")
    first, last = (date.fromisoformat(days[k]["day"]) for k in (0, -1))
    monday = first - timedelta(days=first.weekday())
    weeks = (last - monday).days // 7 + 1
    left, top = 34, 18
    cells = []
    for day in days:
        at = date.fromisoformat(day["day"])
        column, row = divmod((at - monday).days, 7)
        issue = f", {day['issue']}" if day["issue"] != "none" else ""
        told = f"{at}: {STATES[day['state']]}{issue} ({day['batches']} batch{'es' if day['batches'] > 1 else ''})"
        cells.append(
            Markup('<rect class="day {}" x="{}" y="{}" width="{}" height="{}" rx="2"><title>{}</title></rect>').format(
                day["state"], left + column * CELL, top + row * CELL, CELL - 2, CELL - 2, told
            )
        )
    months = []
    for week in range(weeks):
        start = monday + timedelta(days=7 * week)
        if start.day <= 7:
            text = start.strftime("%b") if start.month > 1 else start.strftime("%Y")
            months.append(Markup('<text class="axis" x="{}" y="12">{}</text>').format(left + week * CELL, escape(text)))
    names = [
        Markup('<text class="axis" x="0" y="{}">{}</text>').format(top + row * CELL + 10, name)
        for row, name in ((0, "Mon"), (2, "Wed"), (4, "Fri"))
    ]
    width, height = left + weeks * CELL, top + 7 * CELL
    bad = sum(day["state"] != "learnt" for day in days)
    head = '<svg class="calendar" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" aria-label="{label}">'
    return Markup(head + "{body}</svg>").format(
        w=width,
        h=height,
        label=f"{len(days)} days with batches from {first} to {last}, {bad} with an alarm",
        body=Markup("").join([*months, *names, *cells]),
    )
