"""Named parts, imported only when asked for, and open to third parties through entry points."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any

from lookalike.errors import BackendMissingError, UnknownNameError


@dataclass(frozen=True, slots=True)
class Plugin:
    """Where a named part lives and which extra it needs."""

    target: str
    """``module:attribute``"""
    extra: str | None = None
    """The extra that installs what the module imports, or None for the core."""


@dataclass(slots=True)
class Registry:
    """Names of one kind of part, such as encoders or indexes.

    A third party adds names through the entry-point group of the kind's plural, such as ``lookalike.encoders`` or
    ``lookalike.indexes``; a built-in name wins.
    """

    kind: str
    builtin: dict[str, Plugin] = field(default_factory=dict)

    def names(self) -> list[str]:
        """Return every name, sorted."""
        return sorted({*self.builtin, *(entry.name for entry in self._entry_points())})

    def load(self, name: str) -> Any:
        """Import and return the part of that name.

        Raises
        ------
        UnknownNameError : if nothing has that name.
        BackendMissingError : if a dependency of it is not installed.
        """
        plugin = self.builtin.get(name)
        if plugin is None:
            for entry in self._entry_points():
                if entry.name == name:
                    return entry.load()
            raise UnknownNameError(self.kind, name, self.names())
        module, _, attribute = plugin.target.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            if plugin.extra is None or (error.name or "").startswith("lookalike"):
                raise
            raise BackendMissingError(error.name or name, plugin.extra) from error

    def _entry_points(self) -> list[Any]:
        plural = f"{self.kind}es" if self.kind.endswith("x") else f"{self.kind}s"
        return list(entry_points(group=f"lookalike.{plural}"))
