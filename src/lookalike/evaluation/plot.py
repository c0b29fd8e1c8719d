"""A picture of encoders: how good against how fast."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from lookalike.errors import BackendMissingError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_INCHES, _DOTS = (9.0, 5.0), 150
_LONGEST = 36
"""Of the names in the legend; of a long path the end is told."""
_MARKERS = "osD^vP*X"


def check_plot(path: Path) -> None:
    """See that a plot can be drawn and written there, before the work that it shows is done.

    Raises
    ------
    InputError : if the path does not end in .png, or its folder cannot be made.
    BackendMissingError : if matplotlib is not installed.
    """
    if path.suffix.lower() != ".png":
        msg = f"plots are saved as .png, not as {path.suffix or 'a file without a suffix'}: {path.name}"
        raise InputError(msg)
    if importlib.util.find_spec("matplotlib") is None:
        raise BackendMissingError(backend="matplotlib", extra="plot")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{path.parent} cannot be made ({error.strerror}); choose another place for the plot"
        raise InputError(msg) from error


def save_plot(points: Sequence[tuple[str, float, float]], path: Path, *, quality: str, title: str) -> None:
    """Draw quality against speed, a named point for each encoder.

    Parameters
    ----------
    points : at least one name, images per second, and quality in [0, 1].
    path : of the PNG that is written.
    quality : what the quality is.
    title : above the picture.

    Raises
    ------
    InputError : if the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    figure = Figure(figsize=_INCHES, layout="constrained")
    FigureCanvasAgg(figure)  # draws without a screen, and leaves matplotlib's global state alone
    axes = figure.add_subplot()
    for number, (name, speed, value) in enumerate(points):
        marker = _MARKERS[number % len(_MARKERS)]
        axes.scatter(speed, value, s=80, color=f"C{number % 10}", marker=marker, zorder=3, label=_short(name))
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(0.15)
    axes.set_xlabel("images per second, end to end (logarithmic)")
    axes.set_ylabel(quality)
    axes.set_title(title)
    axes.grid(visible=True, alpha=0.25)
    figure.legend(loc="outside right upper")  # names beside the points would cover each other
    try:
        figure.savefig(path, dpi=_DOTS)
    except OSError as error:
        msg = f"{path} cannot be written ({error.strerror}); choose another place for the plot"
        raise InputError(msg) from error


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"…{name[1 - _LONGEST :]}"
