"""Exports galleries for phones by a Python of its own, which has the converter of checkpoints.

Called as ``python converting.py OUTPUT GALLERY...``; prints for each gallery what the export said, as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import lookalike
from lookalike.mobile.searcher_options import SearcherOptions

output, *galleries = map(Path, sys.argv[1:])
reports = [
    lookalike.open(gallery).export_tflite(output / f"{gallery.name}{suffix}.tflite", SearcherOptions(in_int8=in_int8))
    for gallery in galleries
    for suffix, in_int8 in (("", False), ("-int8", True))
]
sys.stdout.write(json.dumps([report.to_dict() for report in reports]))
