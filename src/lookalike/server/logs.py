"""The log: one JSON object a line, on standard error."""

from __future__ import annotations

import json
import logging
import threading
import time
from datetime import datetime, timezone

LOG = logging.getLogger("lookalike.server")
_MINUTE = 60.0
_OWN = frozenset(vars(logging.makeLogRecord({})))


class JsonLines(logging.Formatter):
    """Writes a record with what was said along with it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in _OWN and name != "color_message"},
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class Seldom:
    """Tells the log of what clients can bring about as often as they like: once a minute, and how often it was.

    Parameters
    ----------
    event : what happened.
    """

    def __init__(self, event: str) -> None:
        self._event = event
        self._times = 0
        self._told: float | None = None

    def note(self) -> None:
        """Note that it happened."""
        self._times += 1
        now = time.monotonic()
        if self._told is None or now - self._told >= _MINUTE:
            LOG.warning(self._event, extra={"times": self._times})
            self._told, self._times = now, 0


def log_to_stderr() -> None:
    """Send the log of the server, and what anything else has to say, to standard error.

    Libraries that are loaded later may bring a handler of their own; then this is to be called again.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.handlers, logger.propagate = [], True
    LOG.setLevel(logging.INFO)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    threading.excepthook = _thread_failed


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_value is not None:
        LOG.error("a thread failed", exc_info=failure.exc_value)
