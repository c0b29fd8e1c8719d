"""Image similarity search: index a folder, ask with a picture, see what looks alike.

>>> import lookalike
>>> gallery = lookalike.open("photos")            # doctest: +SKIP
>>> gallery.add("photos")                         # doctest: +SKIP
>>> gallery.search("query.jpg", k=5).show()       # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lookalike.api.evaluation import Evaluation
    from lookalike.api.gallery import Gallery
    from lookalike.api.gallery import open_gallery as open  # noqa: A004  (as in `gzip.open`)
    from lookalike.api.hits import Hits
    from lookalike.api.remote import RemoteGallery, connect
    from lookalike.building.report import BuildReport, Failure, Removal
    from lookalike.encoders.base import Encoder, EncoderSpec
    from lookalike.encoders.loading import load_encoder
    from lookalike.errors import LookalikeError
    from lookalike.images.decode import Limits
    from lookalike.images.ref import ImageRef
    from lookalike.metric import Metric
    from lookalike.search.hit import Hit
    from lookalike.search.terms import Query, Term

__version__ = "0.1.0"

_PUBLIC = {
    "BuildReport": "lookalike.building.report:BuildReport",
    "Encoder": "lookalike.encoders.base:Encoder",
    "EncoderSpec": "lookalike.encoders.base:EncoderSpec",
    "Evaluation": "lookalike.api.evaluation:Evaluation",
    "Failure": "lookalike.building.report:Failure",
    "Gallery": "lookalike.api.gallery:Gallery",
    "Hit": "lookalike.search.hit:Hit",
    "Hits": "lookalike.api.hits:Hits",
    "ImageRef": "lookalike.images.ref:ImageRef",
    "Limits": "lookalike.images.decode:Limits",
    "LookalikeError": "lookalike.errors:LookalikeError",
    "Metric": "lookalike.metric:Metric",
    "Query": "lookalike.search.terms:Query",
    "RemoteGallery": "lookalike.api.remote:RemoteGallery",
    "Removal": "lookalike.building.report:Removal",
    "Term": "lookalike.search.terms:Term",
    "connect": "lookalike.api.remote:connect",
    "load_encoder": "lookalike.encoders.loading:load_encoder",
    "open": "lookalike.api.gallery:open_gallery",
}

__all__ = [
    "BuildReport",
    "Encoder",
    "EncoderSpec",
    "Evaluation",
    "Failure",
    "Gallery",
    "Hit",
    "Hits",
    "ImageRef",
    "Limits",
    "LookalikeError",
    "Metric",
    "Query",
    "RemoteGallery",
    "Removal",
    "Term",
    "__version__",
    "connect",
    "load_encoder",
    "open",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that ``import lookalike`` stays light."""
    target = _PUBLIC.get(name)
    if target is None:
        msg = f"module 'lookalike' has no attribute {name!r}"
        raise AttributeError(msg)
    module, _, attribute = target.partition(":")
    value = getattr(importlib.import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
