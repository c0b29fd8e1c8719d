"""What clients get, as OpenAPI describes it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from lookalike.server.schemas import Value  # noqa: TC001  (pydantic looks at it)


class Hit(BaseModel):
    """One item, ranked."""

    rank: int
    id: str
    uri: str = Field(examples=["/items/photos%2Fcat.jpg"])
    thumbnail: str = Field(examples=["/thumbnails/photos%2Fcat.jpg"])
    score: float
    box: tuple[int, int, int, int] | None = Field(
        None, description="x, y, width and height of the part that was found, where the gallery has tiles."
    )
    strength: Literal["strong", "plausible", "weak"] | None = None
    collapsed: int | None = Field(None, description="How many worse hits were folded into this one.")
    attributes: dict[str, Value]


class Answer(BaseModel):
    """The hits of one query."""

    gallery: str
    query: str
    exact: bool
    index: str
    recall: float
    seconds: float
    hits: list[Hit]
    cursor: str | None = Field(None, description="Of the next page, where pages were asked for and there is one.")


class Item(BaseModel):
    """An item of the gallery."""

    id: str
    uri: str
    thumbnail: str
    bytes: int
    attributes: dict[str, Value]


class Duplicate(BaseModel):
    """An item that is there a second time."""

    id: str
    uri: str
    thumbnail: str
    kind: Literal["exact", "same", "similar"]
    score: float
    of: str = Field(description="The item that it was compared with.")


class DuplicateGroup(BaseModel):
    """An item and its duplicates."""

    keep: str
    uri: str
    thumbnail: str
    items: list[Duplicate]


class FoundDuplicates(BaseModel):
    """What is in a gallery more than once."""

    gallery: str
    groups: list[DuplicateGroup]
    found: int = Field(description="How many groups there are, told or not.")
    unreadable: int = Field(description="Pictures that were compared by their bytes and embeddings only.")
    threshold: float
    total: int
    seconds: float


class Failed(BaseModel):
    """A picture that was not added."""

    id: str
    reason: str


class Added(BaseModel):
    """What became of pictures to add."""

    gallery: str
    added: int
    updated: int
    unchanged: int
    items: list[str | None] = Field(description="The ids, in the order of the request; null where it failed.")
    failed: list[Failed]
    total: int


class Removed(BaseModel):
    """What was removed."""

    gallery: str
    removed: int
    total: int


class RemovedItems(BaseModel):
    """What was removed, or would be."""

    gallery: str
    ids: list[str] = Field(description="Of the items that were meant, in order.")
    removed: int = Field(description="How many left the gallery: all of them, or none in a dry run.")
    total: int


class Scores(BaseModel):
    """Means over queries, and their 95 % intervals."""

    queries: int
    precision: dict[str, float] = Field(description="By k, as recall and ndcg are.")
    recall: dict[str, float]
    map: float
    mrr: float
    ndcg: dict[str, float]
    intervals: dict[str, Any] = Field(description="By measure and k, the lower and the upper bound.")


class LabelScores(Scores):
    """Those of the queries with one label."""

    gallery_size: int = Field(description="Items with the label.")


class Ranked(BaseModel):
    """A hit of an example."""

    rank: int
    id: str
    score: float
    relevant: bool
    label: str | None


class Example(BaseModel):
    """A query and its first hits."""

    id: str
    group: str = Field(description="Its label, or the change that was made to it.")
    average_precision: float
    hits: list[Ranked]


class Unreadable(BaseModel):
    """An item whose picture cannot be read."""

    uri: str = Field(description="Its address on the server.")
    reason: str


class LeftOut(BaseModel):
    """Queries that could not be judged."""

    unlabelled: int
    unmatched: dict[str, int] = Field(description="By label, how many have one that no other item has.")
    unknown: int
    failed: list[Unreadable]


class Evaluated(Scores):
    """How far up the gallery ranks what is relevant; as ``lookalike evaluate --json`` tells it."""

    gallery: str
    encoder: str
    judged_by: Literal["labels", "copies"]
    label_column: str | None
    gallery_size: int
    chance: float = Field(description="The precision of a random order.")
    per_label: dict[str, LabelScores] | None = Field(None, description="Where labels judge.")
    per_change: dict[str, Scores] | None = Field(None, description="Where copies judge.")
    confusion: dict[str, dict[str, int]] = Field(description="By label, those of the nearest items.")
    worst: list[Example]
    left_out: LeftOut


class Footprint(BaseModel):
    """What building an index takes at most, in bytes."""

    memory: int
    disk: int


class TunedIndex(BaseModel):
    """The index that was found, and what was measured with it; as ``lookalike tune --json`` tells it."""

    gallery: str
    index: str
    parameters: dict[str, float]
    recall: float
    k: int
    queries: int
    latency_ms: float
    build_seconds: float
    bytes: int
    reaches: bool = Field(description="Whether the recall and the budgets were met; else it is the nearest to them.")
    footprint: Footprint | None


class OptimizedIndex(BaseModel):
    """How the gallery is searched now; as ``lookalike optimize --json`` tells it."""

    gallery: str
    index: str
    rows: int
    recall: float
    seconds: float
    bytes: int


class About(BaseModel):
    """What a gallery holds."""

    gallery: str
    total: int
    encoder: dict[str, Any]
    attributes: dict[str, str] = Field(description="By name, their types.")
    index: dict[str, Any]
    version: int
    writable: bool


class Fault(BaseModel):
    """What went wrong."""

    type: str
    message: str


class Problem(BaseModel):
    """The answer to a request that failed."""

    error: Fault
