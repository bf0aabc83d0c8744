"""Small plots as inline SVG, from plain numbers. Colours come from the page's classes, so both themes fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup, escape

__all__ = ["draw", "seam"]

WIDTH: Final = 340
HEIGHT: Final = 92
CHARACTER: Final = 7.0  # width of a digit in the plots' font, with room for other fonts


def draw(plot: Mapping[str, Any] | None) -> Markup:
    """The SVG of one plot; empty where there is none."""
    if not plot:
        return Markup("")
    return {"numbers": _histogram, "values": _bars, "filled": _filled}[plot["type"]](plot)


def _svg(height: float, label: str, parts: Sequence[Markup]) -> Markup:
    return Markup('<svg class="plot" viewBox="0 0 {w} {h:.0f}" role="img" aria-label="{label}">{body}</svg>').format(
        w=WIDTH, h=height, label=label, body=Markup("").join(parts)
    )


def _rect(kind: str, x: float, y: float, width: float, height: float) -> Markup:
    return Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
        kind, x, y, max(width, 0.0), max(height, 0.0)
    )


def _text(kind: str, x: float, y: float, text: str) -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(kind, x, y, escape(text))


def number(value: float) -> str:
    """A number short enough for an axis.

    >>> number(1234567.0), number(0.25), number(12.0)
    ('1.23e+06', '0.25', '12')
    """
    return f"{value:,.0f}" if abs(value) < 1e5 and value == int(value) else f"{value:.3g}"


def _histogram(plot: Mapping[str, Any]) -> Markup:
    """Grey bars before, red where flagged, a gold line after. Heights by square root, so that few bad cells show."""
    before, after, bad = plot["before"], plot["after"], plot["bad"]
    tallest = max([*before, *after, 1]) ** 0.5
    step, floor = WIDTH / len(before), HEIGHT - 18

    def height(count: int) -> float:
        return float(count**0.5 / tallest * (floor - 6))

    parts = [_rect("was", i * step + 0.5, floor - height(n), step - 1, height(n)) for i, n in enumerate(before) if n]
    parts += [_rect("bad", i * step + 0.5, floor - height(n), step - 1, height(n)) for i, n in enumerate(bad) if n]
    if list(after) != list(before):
        points = " ".join(
            f"{x:.1f},{floor - height(n):.1f}" for i, n in enumerate(after) for x in (i * step, (i + 1) * step)
        )
        parts.append(Markup('<polyline class="now" points="{}"/>').format(points))
    low = f"{plot['below']:,} below · {number(plot['low'])}" if plot["below"] else number(plot["low"])
    high = f"{number(plot['high'])} · {plot['above']:,} above" if plot["above"] else number(plot["high"])
    parts += [_text("axis", 0, HEIGHT - 4, low), _text("axis end", WIDTH, HEIGHT - 4, high)]
    return _svg(HEIGHT, f"Distribution from {low} to {high}; {sum(bad):,} values flagged", parts)


def _bars(plot: Mapping[str, Any]) -> Markup:
    """One line per value: how often before (grey, red where flagged) and after (gold outline)."""
    items = plot["items"]
    most = max([max(i["before"], i["after"]) for i in items] + [1]) ** 0.5
    labels = [
        f"{item['before']:,}" if item["after"] == item["before"] else f"{item['before']:,}→{item['after']:,}"
        for item in items
    ]
    left, line = 150, 18
    room = WIDTH - left - 8 - CHARACTER * max(map(len, labels), default=0)
    parts = []
    for k, item in enumerate(items):
        y, top = k * line + 3, 12
        was, now, bad = (item[name] ** 0.5 / most * room for name in ("before", "after", "bad"))
        parts.append(_text("name end", left - 8, y + 10, item["text"] if item["text"].strip() else "(blank)"))
        parts.append(_rect("was", left, y, was, top))
        if bad:
            parts.append(_rect("bad", left, y, bad, top))
        if item["after"] != item["before"]:
            parts.append(_rect("now", left, y, now, top))
        parts.append(_text("count", left + max(was, now) + 5, y + 10, labels[k]))
    height = len(items) * line + 6
    if plot["rest"]:
        parts.append(_text("axis", left, height + 8, f"and {plot['rest']:,} other values"))
        height += 14
    return _svg(height, f"Values: {len(items)} shown, {plot['rest']:,} more", parts)


def _filled(plot: Mapping[str, Any]) -> Markup:
    """One bar for filled cells: before in grey, what was filled in gold."""
    rows = max(plot["rows"], 1)
    before, after = plot["before"] / rows * WIDTH, plot["after"] / rows * WIDTH
    parts = [_rect("hole", 0, 6, WIDTH, 16), _rect("was", 0, 6, min(before, after), 16)]
    if after > before:
        parts.append(_rect("gold", before, 6, max(after - before, 2), 16))
    told = f"{100 * plot['before'] / rows:.1f} % filled"
    told += f", now {100 * plot['after'] / rows:.1f} %" if plot["after"] != plot["before"] else ""
    parts.append(_text("axis", 0, 38, told))
    return _svg(44, told, parts)


def seam(seed: int, width: int = 900, height: int = 120) -> Markup:
    """A crack mended with gold: a fixed zigzag that depends on `seed` alone (a linear congruential walk)."""
    state, x, y = seed % 2147483647 or 1, 0.0, height * 0.5
    points, twigs = [(x, y)], []
    while x < width:
        state = state * 48271 % 2147483647
        x += 26 + state % 46
        state = state * 48271 % 2147483647
        y = min(max(y + (state % 61) - 30, height * 0.12), height * 0.88)
        points.append((x, y))
        if state % 3 == 0:
            state = state * 48271 % 2147483647
            side = -1 if state % 2 else 1
            twigs.append((x, y, x + 18 + state % 34, y + side * (22 + state % 40)))
    main = " ".join(f"{a:.0f},{b:.0f}" for a, b in points)
    lines = Markup("").join(
        Markup('<line x1="{:.0f}" y1="{:.0f}" x2="{:.0f}" y2="{:.0f}"/>').format(*twig) for twig in twigs
    )
    return Markup(
        '<svg class="seam" viewBox="0 0 {w} {h}" preserveAspectRatio="none" aria-hidden="true">'
        '<polyline points="{main}"/>{lines}</svg>'
    ).format(w=width, h=height, main=main, lines=lines)
