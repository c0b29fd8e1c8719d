"""What a gallery's indexes keep on servers: marked as the gallery's, and removed when no index refers to it any more.

The mark is random, and kept in the gallery. A copy of the gallery would remove what the original still needs, so it
gets a mark of its own when it first keeps an index.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.errors import BackendMissingError, UnknownNameError
from lookalike.gallery.location import Location
from lookalike.search.index_plan import AUTO, EXACT, plan_of

if TYPE_CHECKING:
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.indexes.approximate import ApproximateIndex


def claim(store: LanceStore, index: ApproximateIndex) -> None:
    """Mark as the gallery's what an index keeps on a server; done before it is saved.

    Parameters
    ----------
    store : the gallery, of which the caller holds the writer lock.
    index : any; most keep nothing on a server.

    Raises
    ------
    RemoteError : if the server cannot be reached.
    OSError : if the gallery's folder cannot be written.
    """
    mark = getattr(index.backend, "claim", None)
    if mark is None:
        return
    about = _read(store.location) or {"owner": uuid.uuid4().hex, "backends": []}
    backends = sorted({*about["backends"], index.spec.backend})
    about = {"owner": about["owner"], "folder": str(store.location.folder), "backends": backends}
    target = store.location.index_servers
    partial = target.with_suffix(".partial")
    partial.write_text(json.dumps(about), encoding="utf-8")
    partial.replace(target)
    mark(about["owner"])


def drop_unused(store: LanceStore) -> None:
    """Remove from servers what the gallery's indexes do not refer to any more; only for who holds the writer lock.

    What a server that is away still has is removed by a later call.
    """
    about = _read(store.location)
    if about is None:
        return
    from lookalike.indexes.building import INDEXES
    from lookalike.indexes.specs import parse_index
    from lookalike.metric import Metric

    plan = plan_of(store).spec
    planned = "" if plan in (AUTO, EXACT) else parse_index(plan, metric=Metric.COSINE, dim=1).backend
    is_left = False
    for name in about["backends"]:
        # an index of another plan may still lie beside a snapshot, and is not searched any more
        folder = store.location.indexes if name == planned else store.location.folder / "none"
        try:
            is_left |= INDEXES.load(name).drop_unused(about["owner"], folder)
        except (BackendMissingError, UnknownNameError):
            is_left = True
    if not is_left:
        store.location.index_servers.unlink(missing_ok=True)


def _read(location: Location) -> dict[str, Any] | None:
    about = _stored(location)
    if about is None:
        return None
    origin = Location(Path(about["folder"]))
    if origin != location and (_stored(origin) or {}).get("owner") == about["owner"]:
        return None
    return about


def _stored(location: Location) -> dict[str, Any] | None:
    try:
        about = json.loads(location.index_servers.read_text(encoding="utf-8"))
        return {
            "owner": str(about["owner"]),
            "folder": str(about["folder"]),
            "backends": [str(name) for name in about["backends"]],
        }
    except (OSError, ValueError, KeyError, TypeError):
        return None
