"""What clients send, as OpenAPI describes it; what they get is in :mod:`lookalike.server.answers`."""

from __future__ import annotations

import base64
import binascii
import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, field_validator, model_validator

from lookalike.gallery.record import INTERNAL, SEEN, column_name
from lookalike.images.region import Region
from lookalike.indexes.tuning import Goal
from lookalike.search.notation import MOST_TERMS
from lookalike.search.terms import Kind, Term
from lookalike.search.terms import Query as Terms
from lookalike.server.uploads import PREFIX

MOST_QUERIES = 64
"""In one request."""
MOST_HITS = 1_000
MOST_IDS = 10_000
"""Items that one request names to be removed."""
MOST_ASKING = 1_000
"""Items that ask in an evaluation."""
INDEXES = ("exact", "ivfpq", "hnsw", "sq8", "lsh", "scann", "lance")
"""What clients may let a gallery be searched with. Others can be made to take any amount of memory, or to ask hosts."""
MOST_ON_MAP = 2_000
"""Pictures on a map that the server draws."""
MOST_PIXELS = 1 << 20
"""Of a side of a picture."""
_LARGEST = 1 << 63
_LONGEST_ID = 512
_LONGEST_PATH = 4_096
_LONGEST_NAME = _LONGEST_ID - len(PREFIX)
"""Of a new item, so that its id can be asked for."""
_TAKEN = frozenset({*INTERNAL, *SEEN})
"""Attributes that items have by themselves."""


def _from_base64(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        msg = "an image in JSON is the bytes of its file in base64"
        raise ValueError(msg) from error


def _from_text(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) else value


Base64 = Annotated[
    bytes, BeforeValidator(_from_base64), WithJsonSchema({"type": "string", "contentEncoding": "base64"})
]
_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]+$"
ItemId = Annotated[str, Field(min_length=1, max_length=_LONGEST_ID, pattern=_PRINTABLE)]
AnyId = Annotated[str, Field(min_length=1, max_length=_LONGEST_PATH)]
"""Also one that could not be given to an upload, such as that of a file with a line break in its name."""
ItemName = Annotated[str, Field(min_length=1, max_length=_LONGEST_NAME, pattern=_PRINTABLE)]
Attribute = Annotated[str, Field(min_length=1, max_length=64)]
Value = str | int | float | bool | None
Crop = Annotated[list[float], BeforeValidator(_from_text), Field(min_length=4, max_length=4, examples=[[0, 0, 0.5, 1]])]
Place = Annotated[int, Field(ge=0, le=MOST_PIXELS)]
_KINDS = (Kind.ID, Kind.IMAGE, Kind.TEXT, Kind.URL, Kind.VECTOR)
_NAMES = ", ".join(kind.value for kind in _KINDS)


class Strict(BaseModel):
    """A request, in which an unknown name is a mistake."""

    model_config = ConfigDict(extra="forbid")


class _What(Strict):
    """What is looked for; exactly one of these."""

    id: ItemId | None = Field(None, description="An item of the gallery.")
    image: Base64 | None = Field(None, description="The bytes of an image file, in base64.")
    text: str | None = Field(None, min_length=1, max_length=2_000, description="Words, if the encoder has a text side.")
    url: str | None = Field(None, max_length=2_000, description="A picture on the public web, if the server allows it.")
    vector: list[float] | None = Field(None, min_length=1, max_length=16_384, description="An embedding.")
    crop: Crop | None = Field(None, description="Only this part of a picture: x, y, width and height.")

    @property
    def region(self) -> Region | None:
        """The crop, as searches take it."""
        return None if self.crop is None else Region.of(self.crop)

    def told(self) -> list[tuple[Kind, Any]]:
        """Return what is asked with, by its kind."""
        return [(kind, value) for kind in _KINDS if (value := getattr(self, kind.value)) is not None]


class Part(_What):
    """One of several things that are looked for together."""

    weight: float = Field(1.0, allow_inf_nan=False, description="Below 0: what is unlike this is wanted.")

    @model_validator(mode="after")
    def _is_one(self) -> Part:
        if len(self.told()) != 1:
            msg = f"a term has exactly one of: {_NAMES}"
            raise ValueError(msg)
        return self

    def term(self) -> Term:
        """Return it as searches take it; a path is not among its kinds, whatever a client sends."""
        ((kind, what),) = self.told()
        return Term(what, self.weight, self.region, kind)


class Query(_What):
    """What to look for: exactly one of these, or several terms with weights."""

    terms: list[Part] | None = Field(None, min_length=1, max_length=MOST_TERMS, description="Several, with weights.")

    @model_validator(mode="after")
    def _is_one(self) -> Query:
        if len(self.told()) + (self.terms is not None) != 1:
            msg = f"a query has exactly one of: {_NAMES}, terms"
            raise ValueError(msg)
        if self.terms is not None and self.crop is not None:
            msg = "terms are cropped one by one; give each picture its own crop"
            raise ValueError(msg)
        return self

    def asked(self, crop: Crop | None = None) -> Terms:
        """Return the query as searches take it.

        Parameters
        ----------
        crop : of each of its pictures that has none of its own.

        Raises
        ------
        InputError : if a weight or a crop cannot be used.
        """
        if self.terms is None:
            ((kind, what),) = self.told()
            query = Terms([Term(what, crop=self.region, kind=kind)])
        else:
            query = Terms(part.term() for part in self.terms)
        return query if crop is None else query.cropped(Region.of(crop))


class Narrowing(Strict):
    """What narrows a search; as the options of the command line."""

    k: int = Field(10, ge=1, le=MOST_HITS, description="How many hits to find.")
    where: str | None = Field(None, max_length=2_000, description="A condition over the attributes, in SQL.")
    min_score: Annotated[float, Field(allow_inf_nan=False)] | Literal["auto"] | None = Field(
        None, description="Hits below are left out; auto: those that are weak."
    )
    metric: Literal["cosine", "inner-product", "l2"] = "cosine"
    include_self: bool = Field(default=False, description="Keep a query that is an item among its hits.")
    exclude: list[ItemId] = Field(default_factory=list, max_length=1_000, description="Items to leave out.")
    collapse: bool = Field(default=False, description="Fold copies and near-duplicates of a better hit into that.")
    diversity: float | None = Field(None, ge=0, le=1, description="How much hits should differ from each other.")
    sort: str | None = Field(None, max_length=256, description="An attribute that orders the hits; -NAME: descending.")
    expand: Literal["neighbours", "crops"] | None = Field(None, description="Rank with more than the query.")
    rerank: Literal["centred", "whitened", "augmented"] | None = Field(None, description="Rank the best hits anew.")
    cursor: str | None = Field(None, max_length=1_000, description="start, or what the last page said.")
    reverse: bool = Field(default=False, description="Find the least alike, these first.")
    tiles: bool = Field(default=True, description="Compare with parts of pictures too, where there are any.")


class SearchRequest(Narrowing):
    """One query or several."""

    query: Query | None = None
    queries: list[Query] | None = Field(None, min_length=1, max_length=MOST_QUERIES)
    crop: Crop | None = Field(None, description="Of each picture that has none of its own.")

    @model_validator(mode="after")
    def _is_one_or_several(self) -> SearchRequest:
        if (self.query is None) == (self.queries is None):
            msg = "a search has either query, answered by an object, or queries, answered by a list of them"
            raise ValueError(msg)
        if sum(len(query.terms or [query]) for query in self.queries or []) > MOST_QUERIES:
            msg = f"the queries have more than {MOST_QUERIES} terms together; send several requests"
            raise ValueError(msg)
        return self

    def asked(self) -> list[Terms]:
        """Return the queries as searches take them.

        Raises
        ------
        InputError : if a weight or a crop cannot be used.
        """
        return [query.asked(self.crop) for query in ([self.query] if self.query else self.queries or [])]


class DuplicatesRequest(Strict):
    """What is looked for among the items."""

    threshold: Annotated[float, Field(gt=0, le=1)] | Literal["auto"] = Field(
        "auto", description="The cosine from which items are similar."
    )
    keep: Literal["best", "largest", "oldest", "newest"] = Field("best", description="Which one of a group stays.")
    most: int = Field(100, ge=1, le=MOST_HITS, description="How many groups to tell.")


class ExplainRequest(Strict):
    """A query and one of its hits."""

    query: Query
    id: ItemId = Field(description="The hit.")
    box: tuple[Place, Place, Place, Place] | None = Field(
        None, description="The part of it that was found, as the hit told."
    )

    @model_validator(mode="after")
    def _is_picture(self) -> ExplainRequest:
        if self.query.image is None and self.query.id is None:
            msg = "only a picture has parts to show; ask with image or id"
            raise ValueError(msg)
        return self


class NewItem(Strict):
    """A picture to add."""

    image: Base64
    id: ItemName | None = Field(None, description="A name to find it by; the default is a digest of its bytes.")
    attributes: dict[Attribute, Value] = Field(
        default_factory=dict,
        max_length=32,
        description="What conditions can be about, and hits tell. Items have id, uri, size, width, height and taken by "
        "themselves.",
    )

    @field_validator("attributes", mode="before")
    @classmethod
    def _can_be_kept(cls, attributes: Any) -> Any:
        for name, value in attributes.items() if isinstance(attributes, dict) else ():
            if name in _TAKEN or column_name(name) in _TAKEN or name.startswith("_row"):
                problem = "is what items have by themselves; name it differently"
            elif not isinstance(value, (str, int, float, type(None))):
                problem = "must be a text, a number, true, false or null"
            elif isinstance(value, float) and not math.isfinite(value):
                problem = "is no number; leave it out"
            elif isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
                problem = "has more than 64 bits; send it as a text"
            else:
                continue
            msg = f"the attribute {name!r} {problem}"
            raise ValueError(msg)
        return attributes


class AddRequest(Strict):
    """Pictures to add."""

    items: list[NewItem] = Field(min_length=1, max_length=MOST_QUERIES)


class RemoveRequest(Strict):
    """Which items are to go: those that fit all that is given."""

    ids: list[AnyId] | None = Field(None, max_length=MOST_IDS, description="Only these; each has to be an item.")
    where: str | None = Field(None, max_length=2_000, description="Only items that fit this condition, in SQL.")
    dry_run: bool = Field(default=False, description="Only tell what would go.")

    @model_validator(mode="after")
    def _is_something(self) -> RemoveRequest:
        if self.ids is None and self.where is None:
            msg = "nothing was named: name items by their ids, or select with where"
            raise ValueError(msg)
        return self


class EvaluateRequest(Strict):
    """How the ranking is judged; the gallery's own items ask."""

    label_from: str | None = Field(
        None,
        max_length=64,
        description="parent, an attribute, or none: changed copies look for their originals. The default is `label`.",
    )
    k: list[Annotated[int, Field(ge=1, le=MOST_HITS)]] = Field(
        [1, 5, 10], min_length=1, max_length=16, description="How many first hits are measured."
    )
    sample: int | None = Field(
        None, ge=1, le=MOST_ASKING, description="At most so many items ask; the default is 1,000, or copies of 100."
    )


class TuneRequest(Strict):
    """What a search has to reach, measured on the gallery's own images."""

    recall: float = Field(0.98, gt=0, le=1, description="The share of the true nearest images that a search finds.")
    k: int = Field(10, ge=1, le=MOST_HITS, description="Of how many nearest images.")
    latency: float | None = Field(
        None, gt=0, le=1e6, description="At most so many milliseconds for one query, at the median."
    )
    memory: float | None = Field(None, gt=0, le=1e9, description="At most so large an index, in MB.")
    index: list[Literal[INDEXES]] = Field(  # type: ignore[valid-type]
        default_factory=list, max_length=len(INDEXES), description="Choose among these; by default among all that suit."
    )

    def goal(self) -> Goal:
        """Return what is asked for, in seconds and bytes."""
        seconds = None if self.latency is None else self.latency / 1e3
        return Goal(self.recall, self.k, seconds, None if self.memory is None else round(self.memory * 1e6))
