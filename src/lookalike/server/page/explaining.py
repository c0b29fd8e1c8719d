"""Why a hit is like its query, as HTML: both pictures under their heat maps."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from lookalike.api.hits import subtitle_of
from lookalike.exports.captions import score_text, short_name
from lookalike.exports.heat_map import heated
from lookalike.images.transforms import encode_png
from lookalike.server.page.cards import text

if TYPE_CHECKING:
    from lookalike.api.explanation import Explanation
    from lookalike.search.explain import HeatMap

_LED = (
    "This score is of the query alone. Hits that were refined are ranked by the query and by what you marked, so the "
    "score on the card differs."
)


def explanation_html(explanation: Explanation, *, is_led: bool) -> str:
    """Return the comparison of a query with a hit.

    Parameters
    ----------
    explanation : of the query alone.
    is_led : whether the hits may be ranked by marks too.
    """
    note = f"<p>{_LED}</p>" if is_led else ""
    hit = explanation.hit
    figures = _figure(explanation.query_map, "query", explanation.query, "the query") + _figure(
        explanation.hit_map, "hit", short_name(hit.id), subtitle_of(hit)
    )
    return (
        f"<p><b>{score_text(explanation.score)}</b>: {explanation.meaning}, "
        f'<span class="look-scale">least<i></i>most</span></p>{note}<div class="look-pair">{figures}</div>'
    )


def _figure(heat: HeatMap, which: str, title: str, subtitle: str) -> str:
    data = base64.b64encode(encode_png(heated(heat.pixels, heat.values))).decode()
    return (
        f'<figure><div class="look-zoom"><button type="button" data-do="zoom" aria-pressed="false" '
        f'aria-label="Enlarge the {which}"><img src="data:image/png;base64,{data}" alt="heat map of the {which}">'
        f"</button></div><figcaption><b>{text(title)}</b> {text(subtitle)}</figcaption></figure>"
    )
