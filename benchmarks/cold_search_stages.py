"""The process that :mod:`benchmarks.cold_search` takes apart: does what ``lookalike search`` does, step by step.

The imports stand in the order in which the steps need them, so each library's time is its own.
"""

from __future__ import annotations

import json
import sys
import time


def main() -> None:
    """Search ``GALLERY`` for ``QUERY`` and print the moments between the steps as JSON; ``STARTED`` is the first."""
    gallery_folder, query, started = sys.argv[1:]
    moments = [("", float(started)), ("start of the interpreter", time.time())]

    def mark(step: str) -> None:
        moments.append((step, time.time()))

    import lookalike.cli.main

    mark("import: command line")
    import numpy as np

    mark("import: NumPy")
    import lookalike.gallery.lance_store

    mark("import: Lance and PyArrow")
    import lookalike.images.decode

    mark("import: Pillow and simplejpeg")
    import lookalike.encoders.embedded

    mark("import: OpenVINO and OpenCV")
    import lookalike.api.gallery
    from lookalike.search.options import SearchOptions
    from lookalike.search.query import QueryResolver
    from lookalike.search.searcher import Searcher

    mark("import: the rest")
    gallery = lookalike.api.gallery.open_gallery(gallery_folder)
    store = gallery.store
    mark("open the gallery")
    encoder = gallery.encoder
    mark("load the encoder")
    vector = QueryResolver(store, lambda: encoder).resolve(query).vector
    mark("decode and embed the query")
    searcher = Searcher(store)
    hits = searcher.search(np.asarray(vector), 10, SearchOptions())[0]
    mark("search the snapshot, fetch the rows")
    lines = [f"{hit.rank}\t{hit.score:.4f}\t{hit.uri}" for hit in hits]
    sys.stderr.write("\n".join(lines))
    mark("print")
    print(json.dumps(moments), flush=True)


if __name__ == "__main__":
    main()
