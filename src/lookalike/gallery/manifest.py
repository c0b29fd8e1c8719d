"""What a gallery says of itself, kept in its table's metadata so that it changes with the rows or not at all."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from lookalike.errors import StoreCorruptError, StoreVersionError

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 1
"""The format that this version writes, and the newest that it reads."""

_KEY = b"lookalike"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The identity of a gallery."""

    encoder: Mapping[str, Any]
    """The encoder's spec, as JSON-ready values."""
    dim: int
    format: int = FORMAT
    table: str = ""
    """Random, given when the table is made, so that what is derived from it is told from what another's is; empty in
    galleries that were made without."""
    label_rules: Mapping[str, str] = field(default_factory=dict)
    """From a folder or another source, as :func:`lookalike.search.uris.stored_uri` names it, to the attribute that its
    labels come from."""

    def to_metadata(self) -> dict[bytes, bytes]:
        """Return the manifest as the metadata of an Arrow schema."""
        return {_KEY: json.dumps(asdict(self)).encode()}

    @classmethod
    def from_metadata(cls, metadata: Mapping[bytes, bytes] | None, path: str) -> Manifest:
        """Return the manifest in the metadata of an Arrow schema.

        Raises
        ------
        StoreCorruptError : if there is none.
        StoreVersionError : if it was written by a newer version.
        """
        text = (metadata or {}).get(_KEY)
        if text is None:
            reason = "its table carries no manifest"
            raise StoreCorruptError(path, reason)
        try:
            values = json.loads(text)
            found = int(values["format"])
            if found > FORMAT:
                raise StoreVersionError(path, found, FORMAT)
            rules = {str(place): str(column) for place, column in values.get("label_rules", {}).items()}
            table = str(values.get("table", ""))
            return cls(values["encoder"], dim=int(values["dim"]), format=found, table=table, label_rules=rules)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            reason = f"its manifest cannot be read: {error}"
            raise StoreCorruptError(path, reason) from error
