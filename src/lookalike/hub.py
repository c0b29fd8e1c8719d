"""The client of the Hugging Face hub."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOGGER = "huggingface_hub"


@contextlib.contextmanager
def quiet_hub() -> Iterator[None]:
    """Silence what the client says of tries that failed: the error after the last one says it better."""
    logger = logging.getLogger(_LOGGER)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
