"""What goes wrong, as the page says it."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING

import gradio

from lookalike.errors import LookalikeError
from lookalike.server.problems import RefusedError, as_refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOG = logging.getLogger("lookalike.server")


@contextmanager
def shown_trouble() -> Iterator[None]:
    """Turn an error into the sentence that clients of the service are told."""
    try:
        yield
    except (LookalikeError, RefusedError) as error:
        refusal = as_refusal(error)
        if refusal.status >= 500:
            _LOG.error("failed", extra={"error": type(error).__name__, "detail": str(error)})
        raise _shown(refusal.message) from error
    except Exception as error:
        _LOG.exception("failed")
        raise _shown("the server failed; its log says why") from error


def _shown(message: str) -> gradio.Error:
    return gradio.Error(escape(message[:1].upper() + message[1:]), title="", print_exception=False)
