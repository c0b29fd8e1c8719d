"""What all loading of checkpoints by ``transformers`` shares."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.errors import EncoderError, LookalikeError, first_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lookalike.encoders.loading import EncoderOptions


def loading_options(revision: str, options: EncoderOptions) -> dict[str, Any]:
    """Return the keyword arguments of ``from_pretrained`` for a commit of a checkpoint; an empty one is no hub's."""
    return {"trust_remote_code": options.trust_remote_code, **({"revision": revision} if revision else {})}


def loading_remedy(name: str) -> str:
    """Return what to do if a checkpoint cannot be loaded, a clause."""
    if Path(name).is_absolute():
        return "save the model and its image processor there with save_pretrained"
    return "check the name and the network, or give a folder that save_pretrained wrote"


@contextlib.contextmanager
def explained(problem: str, remedy: str) -> Iterator[None]:
    """Turn whatever is raised, save errors of this library, into one EncoderError with its cause and a remedy."""
    try:
        yield
    except LookalikeError:
        raise
    except Exception as error:  # a checkpoint may bring its own code, and raises whatever it likes
        msg = f"{problem} ({first_line(error).rstrip('.:')}); {remedy}"
        raise EncoderError(msg) from error
