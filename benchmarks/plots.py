"""Draws what a benchmark found as a picture that stays the same as long as the numbers do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.results import Plot

_INCHES = (8.0, 4.5)
_MARKERS = "osD^vP*X"
_CRISP = {"svg.hashsalt": "lookalike", "svg.fonttype": "none", "font.family": "sans-serif"}
"""Text stays text, and identifiers do not change from run to run."""


def draw(plot: Plot, path: Path) -> None:
    """Write a plot as SVG."""
    with mpl.rc_context(_CRISP):
        figure = Figure(figsize=_INCHES, layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        for number, curve in enumerate(plot.curves):
            style = {"marker": _MARKERS[number % len(_MARKERS)], "color": f"C{number % 10}", "markersize": 5}
            axes.plot(curve.x, curve.y, label=curve.name, linewidth=1.2, **style)
        for name, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
            if name in plot.logarithmic:
                axis._set_axes_scale("log")
                axis.set_major_formatter(StrMethodFormatter("{x:,.12g}"))
        axes.grid(visible=True, which="major", alpha=0.3)
        axes.set_xlabel(plot.x)
        axes.set_ylabel(plot.y)
        axes.set_title(plot.title, fontsize=11)
        figure.legend(loc="outside right upper", fontsize=9)
        figure.savefig(path, format="svg", metadata={"Date": None})
