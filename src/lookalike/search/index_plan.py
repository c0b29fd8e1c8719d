"""Which index a gallery is to have, and what it must reach: kept in the gallery itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
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
    """The recall@k that ``auto`` and parameters that were found are to reach."""
    parameters: Mapping[str, float] = field(default_factory=dict)
    """Of searches with a named index; those that are left out have the index's own values."""
    k: int = 10
    """Of how many nearest rows the recall is."""
    tuned_rows: int = 0
    """Over how many rows the parameters were found; 0: they were not, and stay what they are."""

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON-ready values."""
        return {**asdict(self), "parameters": dict(self.parameters)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> IndexPlan:
        """Return the plan that :meth:`to_dict` described; what is missing has its default."""
        return cls(**{each.name: values[each.name] for each in fields(cls) if each.name in values})


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
    RemoteError : if it needs a server that cannot be reached.
    """
    if text.strip() == AUTO:
        return AUTO
    from lookalike.indexes.building import plain_spec

    return plain_spec(text, dim=dim)
