"""The charts of the page; none shows text from the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from a4s_pipeline.report.sales import Month
from a4s_pipeline.report.theme import ACCENT, BAD, GRID, MUTED, SOFT, new_figure, to_svg
from a4s_pipeline.report.wording import compact

_BAR = 0.62
_TICK = 0.86


@dataclass(frozen=True)
class _Screen:
    """The class of a drawing for some screens, and its measures."""

    name: str
    width: int
    height: int
    text_size: int


_WIDE = _Screen("wide", 1040, 280, 13)
_NARROW = _Screen("narrow", 350, 230, 11)


def sales_by_month(months: Sequence[Month], *, name: str, label: str) -> Markup:
    """Draw the sales of each month as bars, and those of a year before as a dash on each.

    There are two drawings, for wide and narrow screens: text that shrinks with a chart is unreadable.
    """
    return _sales(months, _WIDE, name, label) + _sales(months, _NARROW, name, label)


def _sales(months: Sequence[Month], screen: _Screen, name: str, label: str) -> Markup:
    width, height, size = screen.width, screen.height, screen.text_size
    with mpl.rc_context({"font.size": size}):
        figure = new_figure(width, height)
        left = size * 3.6 / width
        axes = figure.add_axes((left, size * 3.2 / height, 1 - left - 2 / width, 1 - size * 4.2 / height))
        places = np.arange(len(months))
        amounts = [float(month.amount) for month in months]
        before = [float(month.year_before) for month in months]
        axes.bar(places, amounts, _BAR, color=ACCENT)
        axes.hlines(before, places - _TICK / 2, places + _TICK / 2, color=SOFT, linewidth=2.5)
        axes.axhline(0, color=MUTED, linewidth=1)
        axes.set_xlim(-0.6, len(months) - 0.4)
        axes.set_ylim(min(0.0, *amounts, *before) * 1.08, max(1.0, *amounts, *before) * 1.04)
        axes.set_xticks(places, [f"{month.first_day:%b}" for month in months])
        _name_years(axes, months, size)
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))
        axes.grid(axis="y", color=GRID, linewidth=1)
        axes.tick_params(length=0, pad=size * 0.5, labelcolor=MUTED)
        _bare(axes)
        return to_svg(figure, name=f"{name}-{screen.name}", css_class=screen.name, label=label)


def trend(amounts: Sequence[Decimal], *, name: str) -> Markup:
    """Draw small bars of a year's months."""
    figure = new_figure(120, 26)
    axes = figure.add_axes((0, 0.04, 1, 0.92))
    values = [float(amount) for amount in amounts]
    # One shape with a gap after each bar: a shape for every bar would make the page several times as long.
    edges = np.array([position + part for position in range(len(values)) for part in (0, 0.72)])
    heights = np.array([value for amount in values for value in (amount, 0.0)])[:-1]
    axes.stairs(heights, edges, fill=True, color=ACCENT, linewidth=0)
    axes.axhline(0, color=GRID, linewidth=1)
    axes.set_xlim(-0.2, len(values))
    axes.set_ylim(min(0.0, *values), max(0.01, *values))
    axes.set_axis_off()
    return to_svg(figure, name=name, css_class="trend", label=None)


def stock_course(course: Sequence[Decimal], *, name: str) -> Markup:
    """Draw an item's expected stock on each day, with the area below zero filled."""
    figure = new_figure(120, 26)
    axes = figure.add_axes((0, 0.06, 1, 0.88))
    days = np.arange(len(course))
    values = np.array([float(left) for left in course])
    axes.fill_between(days, values, 0, where=values < 0, color=BAD, alpha=0.25, linewidth=0, interpolate=True)
    axes.axhline(0, color=MUTED, linewidth=1)
    axes.plot(days, values, color=BAD if values[0] < 0 else ACCENT, linewidth=1.6, solid_capstyle="round")
    spread = float(values.max() - values.min()) or 1.0
    axes.set_xlim(0, len(values) - 1)
    axes.set_ylim(
        min(0.0, float(values.min())) - spread * 0.08, max(0.0, float(values.max())) + spread * 0.08
    )
    axes.set_axis_off()
    return to_svg(figure, name=name, css_class="trend", label=None)


def _name_years(axes: Axes, months: Sequence[Month], size: int) -> None:
    for position, month in enumerate(months):
        if position == 0 or month.first_day.month == 1:
            axes.annotate(
                str(month.first_day.year),
                (position, 0),
                (0, -size * 2),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                ha="center",
                va="top",
                color=MUTED,
            )


def _bare(axes: Axes) -> None:
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)
