"""What goes wrong, as the page says it."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING

import gradio

from lookalike.errors import LookalikeError
from lookalike.server.page.cards import text
from lookalike.server.problems import RefusedError, as_refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOG = logging.getLogger("lookalike.server")


@contextmanager
def shown_trouble() -> Iterator[None]:
    """Turn an error into a message on the page: the sentence that clients of the service are told."""
    try:
        yield
    except Exception as error:
        raise gradio.Error(escape(sentence_of(error)), title="", print_exception=False) from error


def trouble_html(error: Exception) -> str:
    """Return what the page says of an error where an answer would be."""
    return f'<p class="look-trouble" role="alert">{text(sentence_of(error))}</p>'


def sentence_of(error: Exception) -> str:
    """Return what the page says of an error; what it does not say is in the log."""
    if not isinstance(error, (LookalikeError, RefusedError)):
        _LOG.error("failed", exc_info=error)
        return "The server failed; its log says why."
    refusal = as_refusal(error)
    if refusal.status >= 500:
        _LOG.error("failed", extra={"error": type(error).__name__, "detail": str(error)})
    return f"{refusal.message[:1].upper()}{refusal.message[1:]}."
