"""The search parameters of nested FAISS indexes, given per search rather than set on the index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.indexes.faiss_library import faiss
from lookalike.options import Parameter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

_faiss: Any = faiss  # typed in some releases of FAISS, and not as it behaves
_MOST_PROBES = 64
_LISTS_PER_PROBE = 8
_BREADTH = 64
"""Of the search for the nearest lists in a graph of them, unless few or very many are wanted."""


def layers(index: Any) -> Iterator[Any]:
    """Yield the parts of an index from the outside in: transforms, refinement, and what holds the codes."""
    part = faiss.downcast_index(index)
    while True:
        yield part
        if isinstance(part, faiss.IndexRefine):
            part = faiss.downcast_index(part.base_index)
        elif isinstance(part, faiss.IndexPreTransform):
            part = faiss.downcast_index(part.index)
        else:
            return


def bytes_a_row(part: Any) -> int:
    """Return what one of the :func:`layers` holds of a row: its code, its number, its links in a graph."""
    if isinstance(part, faiss.IndexPreTransform):
        return 0
    if isinstance(part, faiss.IndexRefine):
        return int(faiss.downcast_index(part.refine_index).sa_code_size())
    if isinstance(part, faiss.IndexIVF):
        return int(part.code_size) + 8
    if isinstance(part, faiss.IndexHNSW):
        graph: Any = part.hnsw
        return int(faiss.downcast_index(part.storage).sa_code_size()) + 4 * int(graph.nb_neighbors(0)) + 32
    return int(part.sa_code_size())


def known_parameters(index: Any, *, always: tuple[str, ...] = ()) -> dict[str, Parameter]:
    """Return what a search of this index may be given, by FAISS's own names.

    Parameters
    ----------
    index : any index.
    always : parameters to be known even where this structure has no use for them.
    """
    known = {name: Parameter(1, is_whole=name != "k_factor") for name in always}
    for part in layers(index):
        if isinstance(part, faiss.IndexRefine):
            known["k_factor"] = Parameter(16, is_whole=False)
        elif isinstance(part, faiss.IndexIVF):
            known["nprobe"] = Parameter(min(max(part.nlist // _LISTS_PER_PROBE, 8), _MOST_PROBES, part.nlist))
        elif isinstance(part, faiss.IndexHNSW):
            known["efSearch"] = Parameter(64)
    return known


def search_parameters(index: Any, values: Mapping[str, float], selector: Any) -> Any:
    """Return FAISS's object for one search, or None where there is nothing to say."""
    part = faiss.downcast_index(index)
    if isinstance(part, faiss.IndexPreTransform):
        inner = search_parameters(part.index, values, selector)
        return _faiss.SearchParametersPreTransform(index_params=inner)
    if isinstance(part, faiss.IndexRefine):
        inner = search_parameters(part.base_index, values, selector)
        return _faiss.IndexRefineSearchParameters(k_factor=float(values["k_factor"]), base_index_params=inner)
    if isinstance(part, faiss.IndexIVF):
        nprobe = int(values["nprobe"])
        quantizer = faiss.downcast_index(part.quantizer)
        of_lists = None
        if isinstance(quantizer, faiss.IndexHNSW):
            of_lists = _faiss.SearchParametersHNSW(efSearch=max(2 * nprobe, min(8 * nprobe, _BREADTH)))
        return _faiss.SearchParametersIVF(nprobe=nprobe, sel=selector, quantizer_params=of_lists)
    if isinstance(part, faiss.IndexHNSW):
        return _faiss.SearchParametersHNSW(efSearch=int(values["efSearch"]), sel=selector)
    return None if selector is None else _faiss.SearchParameters(sel=selector)


def selector_of(allowed: npt.NDArray[np.bool_]) -> Any:
    """Return FAISS's filter of rows."""
    return _faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
