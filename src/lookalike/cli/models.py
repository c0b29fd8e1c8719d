"""``lookalike models``: encoders that have short names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike.cli.options import JsonOption
from lookalike.cli.output import print_json, print_rows

if TYPE_CHECKING:
    from lookalike.encoders.presets import Availability, Preset


def models(as_json: JsonOption = False) -> None:
    """List the encoders that have short names for --encoder, what each is good for, and which are at hand here."""
    from lookalike.encoders.presets import PRESETS, availability

    found = [(preset, availability(preset)) for preset in PRESETS]
    if as_json:
        print_json([_as_dict(preset, here) for preset, here in found])
        return
    rows = [
        [
            preset.name,
            preset.checkpoint,
            f"{preset.parameters / 1e6:,.1f} M",
            f"{preset.nbytes / 1e6:,.0f} MB",
            str(preset.dim),
            preset.licence,
            preset.good_for,
            here.remedy or "ready",
        ]
        for preset, here in found
    ]
    headers = ["name", "checkpoint", "parameters", "weights", "dimension", "licence", "good for", "here"]
    print_rows(rows, headers, right=["parameters", "weights", "dimension"])


def _as_dict(preset: Preset, here: Availability) -> dict[str, object]:
    return {
        "name": preset.name,
        "checkpoint": preset.checkpoint,
        "parameters": preset.parameters,
        "bytes": preset.nbytes,
        "dim": preset.dim,
        "licence": preset.licence,
        "modalities": list(preset.modalities),
        "good_for": preset.good_for,
        "extra": preset.extra,
        "installed": here.is_installed,
        "cached": here.is_cached,
        "remedy": here.remedy or None,
    }
