"""What may be chosen about a searcher, and what is told of one that was made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from lookalike.building.report import Failure

K = 10
"""Of the recall that is measured and told."""


@dataclass(frozen=True, slots=True)
class SearcherOptions:
    """What may be chosen about a searcher."""

    index: str | None = None
    """See :meth:`lookalike.mobile.index_training.IndexKind.parse`; None: chosen by size and recall."""
    max_bytes: int | None = None
    """Of the model and the index together."""
    separate: bool = False
    """Whether the index becomes a file of its own beside the model."""
    in_int8: bool = False
    """Whether the weights of the model are kept in 8 bits."""
    model: Path | None = None
    """A ready model in the place of the gallery's encoder."""


@dataclass(frozen=True, slots=True)
class SearcherReport:
    """What was exported."""

    path: Path
    index_path: Path | None
    """Where it is a file of its own."""
    model: str
    dim: int
    rows: int
    index: str
    recall: float
    """At 10, against exact search over the same rows, by ``queries`` of them that the index was not trained on."""
    queries: int
    nbytes: int
    """Of all files."""
    latency_ms: dict[str, float]
    """Of the ``model``, by LiteRT on one core of this machine, and of the ``search``, by the reader here."""
    failed: list[Failure] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        return {
            "output": str(self.path),
            "index_file": None if self.index_path is None else str(self.index_path),
            "model": self.model,
            "dim": self.dim,
            "rows": self.rows,
            "index": self.index,
            "recall": {"k": K, "value": round(self.recall, 4), "queries": self.queries},
            "bytes": self.nbytes,
            "latency_ms": {name: round(value, 2) for name, value in self.latency_ms.items()},
            "failed": [failure.to_dict() for failure in self.failed],
        }
