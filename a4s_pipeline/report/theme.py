"""Turns a Matplotlib figure into inline SVG with the page's colours and font."""

from __future__ import annotations

import io
import re
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.figure import Figure

# Matplotlib needs real colours. These are placeholders for the page's own, which follow its theme.
INK = "#000001"
MUTED = "#000002"
GRID = "#000003"
ACCENT = "#000004"
SOFT = "#000005"
BAD = "#000006"
_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--line)",
    ACCENT: "var(--accent)",
    SOFT: "var(--before)",
    BAD: "var(--bad)",
}

_RULES: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": ["sans-serif"],
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "text.parse_math": False,
}
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}
_LEFT_OUT = re.compile(
    r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", re.DOTALL
)
_ROOT = re.compile(r"<svg [^>]*?viewBox=\"([^\"]+)\"[^>]*>")
_GROUP_ID = re.compile(r"<g id=\"[^\"]*\"")
_FONT = re.compile(r"font: (?:[\d.]+ )?([\d.]+)px [^;\"]+")


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of that many pixels of the page."""
    return Figure(figsize=(width / 72, height / 72), dpi=72)


def to_svg(figure: Figure, *, name: str, css_class: str, label: str | None) -> Markup:
    """Return a figure as inline SVG; `label` describes it to screen readers, None hides it from them.

    `name` is unique on the page and prefixes the identifiers in the drawing.
    """
    drawn = io.StringIO()
    with mpl.rc_context({**_RULES, "svg.hashsalt": name}):
        figure.savefig(drawn, format="svg", transparent=True, metadata=_NO_METADATA)
    svg = _LEFT_OUT.sub("", drawn.getvalue())
    described = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    svg = _ROOT.sub(rf'<svg class="{escape(css_class)}" viewBox="\1" {described}>', svg, count=1)
    svg = _FONT.sub(r"font-size: \1px", _GROUP_ID.sub("<g", svg))
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    # Every text in these drawings is this package's own: months, numbers and dates.
    return Markup(re.sub(r"\s*\n\s*", " ", svg).strip())  # noqa: S704
