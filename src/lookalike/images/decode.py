"""Encoded bytes to RGB pixels."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Pixels: TypeAlias = npt.NDArray[np.uint8]
"""Shape (height, width, 3), uint8, RGB."""
