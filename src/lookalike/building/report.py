"""What a run did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Failure:
    """An item that is not in the gallery, or not in its newest form, and why."""

    uri: str
    reason: str

    def to_dict(self) -> dict[str, str]:
        """Return it as JSON-ready values."""
        return {"uri": self.uri, "reason": self.reason}


@dataclass(slots=True)
class BuildReport:
    """Counts of a run over one or more sources."""

    added: int = 0
    updated: int = 0
    """Items whose bytes or attributes changed."""
    unchanged: int = 0
    removed: int = 0
    """Items that are no longer in their source."""
    reused: int = 0
    """Those of the added that were recognised by their content, such as renamed files, and not embedded again."""
    tiled: int = 0
    """Pictures that got tiles, so that parts of them are found."""
    failed: list[Failure] = field(default_factory=list)
    total: int = 0
    """Items in the gallery after the run."""
    embedded: int = 0
    """Images that went through the encoder."""
    seconds: float = 0.0

    @property
    def images_per_second(self) -> float:
        """Images embedded per second of the whole run; 0 if none was."""
        return self.embedded / self.seconds if self.embedded and self.seconds > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Removal:
    """What was taken out of a gallery by name."""

    ids: tuple[str, ...]
    """Of the items that were meant, in order."""
    total: int
    """Items in the gallery afterwards."""
    removed: int
    """How many left it: all that were meant, or none if it was only asked what would go."""


class Progress(Protocol):
    """Is told how a run goes on; the calls come from the thread that runs it."""

    def expect(self, items: int) -> None:
        """Take the number of items to work on."""
        ...

    def advance(self, items: int, failed: int) -> None:
        """Take how many more are done, and how many of these failed."""
        ...

    def waiting(self, holder: str) -> None:
        """Take who is writing to the gallery, for whom this run waits."""
        ...

    def note(self, text: str) -> None:
        """Take what is being done besides, such as the building of an index: a clause."""
        ...


class NoProgress:
    """Says nothing."""

    def expect(self, items: int) -> None:
        """Do nothing."""

    def advance(self, items: int, failed: int) -> None:
        """Do nothing."""

    def waiting(self, holder: str) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""
