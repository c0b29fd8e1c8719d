"""The search parameters of nested FAISS indexes, given per search rather than set on the index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

from lookalike.options import Parameter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

_MOST_PROBES = 64
_LISTS_PER_PROBE = 8


def layers(index: Any) -> Iterator[Any]:
    """Yield the parts of an index from the outside in: transforms, refinement, and what holds the codes."""
    part = faiss.downcast_index(index)
    while True:
        yield part
        if isinstance(part, faiss.IndexRefine):
            part = faiss.downcast_index(part.base_index)
        elif isinstance(part, (faiss.IndexPreTransform, faiss.IndexIDMap)):
            part = faiss.downcast_index(part.index)
        else:
            return


def known_parameters(index: Any) -> dict[str, Parameter]:
    """Return what a search of this index may be given, by FAISS's own names."""
    known = {}
    for part in layers(index):
        if isinstance(part, faiss.IndexRefine):
            known["k_factor"] = Parameter(8, is_whole=False)
        elif isinstance(part, faiss.IndexIVF):
            known["nprobe"] = Parameter(min(max(part.nlist // _LISTS_PER_PROBE, 8), _MOST_PROBES, part.nlist))
        elif isinstance(part, faiss.IndexHNSW):
            known["efSearch"] = Parameter(64)
    return known


def search_parameters(index: Any, values: Mapping[str, float], selector: Any) -> Any:
    """Return FAISS's object for one search, or None where there is nothing to say."""
    part = faiss.downcast_index(index)
    if isinstance(part, (faiss.IndexPreTransform, faiss.IndexIDMap)):
        inner = search_parameters(part.index, values, selector)
        if isinstance(part, faiss.IndexIDMap):
            return inner
        return faiss.SearchParametersPreTransform(index_params=inner)
    if isinstance(part, faiss.IndexRefine):
        inner = search_parameters(part.base_index, values, selector)
        return faiss.IndexRefineSearchParameters(k_factor=float(values["k_factor"]), base_index_params=inner)
    if isinstance(part, faiss.IndexIVF):
        nprobe = int(values["nprobe"])
        quantizer = faiss.downcast_index(part.quantizer)
        of_lists = (
            faiss.SearchParametersHNSW(efSearch=max(2 * nprobe, 64)) if isinstance(quantizer, faiss.IndexHNSW) else None
        )
        return faiss.SearchParametersIVF(nprobe=nprobe, sel=selector, quantizer_params=of_lists)
    if isinstance(part, faiss.IndexHNSW):
        return faiss.SearchParametersHNSW(efSearch=int(values["efSearch"]), sel=selector)
    return None if selector is None else faiss.SearchParameters(sel=selector)


def selector_of(allowed: npt.NDArray[np.bool_]) -> Any:
    """Return FAISS's filter of rows."""
    return faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
