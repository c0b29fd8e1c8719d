"""Which index a gallery is to have, and what it must reach: kept in the gallery itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lookalike.gallery.lance_store import LanceStore

AUTO, EXACT = "auto", "exact"


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """How a gallery is searched."""

    spec: str = AUTO
    """``exact``, any other spec of :func:`lookalike.indexes.specs.parse_index`, or ``auto``: exact while that is quick,
    and beyond that an index tuned to the recall."""
    recall: float = 0.98
    """What ``auto`` tunes to."""
    parameters: Mapping[str, float] = field(default_factory=dict)
    """Of searches with a named index; those that are left out have the index's own values."""

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON-ready values."""
        return {"spec": self.spec, "recall": self.recall, "parameters": dict(self.parameters)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> IndexPlan:
        """Return the plan that :meth:`to_dict` described; what is missing has its default."""
        known = {name: values[name] for name in ("spec", "recall", "parameters") if name in values}
        return cls(**known)


def plan_of(store: LanceStore) -> IndexPlan:
    """Return the plan that a gallery holds."""
    return IndexPlan.from_dict(store.manifest.index)


def checked_spec(text: str, *, dim: int | None = None) -> str:
    """Return a spec in its plain form.

    Parameters
    ----------
    text : ``auto``, or what :func:`lookalike.indexes.specs.parse_index` reads.
    dim : of the embeddings; without it only the names are looked up.

    Raises
    ------
    UnknownNameError : if there is no such index.
    InputError : if it cannot be taken apart, or its options have no meaning.
    BackendMissingError : if its library is not installed.
    """
    if text.strip() == AUTO:
        return AUTO
    from lookalike.indexes.building import plain_spec

    return plain_spec(text, dim=dim)
