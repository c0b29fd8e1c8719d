"""Lets torchvision's transforms load where its compiled operators do not fit the installed PyTorch.

They are written in Python; only the registration of the operators for detection fails, so names are put in their place.
"""

from __future__ import annotations

import re
import sys

import torch

_MISSING = re.compile(r"operator torchvision::(\w+) does not exist")
_LIBRARY = torch.library.Library("torchvision", "FRAGMENT")


def _load() -> None:
    while (missing := _missing_operator()) is not None:
        _LIBRARY.define(f"{missing}(Tensor x) -> Tensor")
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]


def _missing_operator() -> str | None:
    try:
        import torchvision  # noqa: F401
    except ImportError:
        return None  # timm and sentence-transformers say themselves what they need
    except RuntimeError as error:
        found = _MISSING.match(str(error))
        if found is None:
            raise
        return found[1]
    return None


_load()
