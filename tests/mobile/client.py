"""Runs the real client, ``tflite_support``, by a Python of its own: it excludes what the extras of lookalike need.

Called as ``python client.py WHAT MODEL [INDEX]`` with an ``.npz`` of pictures on standard input; prints JSON.
"""

from __future__ import annotations

import io
import json
import sys
import time

import numpy as np
from tflite_support.task import core, processor, vision


def pictures():
    """Yield the arrays; the client does not own them, so the caller has to keep each until it was used."""
    with np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False) as archive:
        for name in archive.files:
            yield np.ascontiguousarray(archive[name])


def search(model, index=None, k="10"):
    """Print for each picture what was found: metadata and distance, the nearest first; and how long each took."""
    options = vision.ImageSearcherOptions(
        base_options=core.BaseOptions(file_name=model),
        search_options=processor.SearchOptions(index_file_name=index or None, max_results=int(k)),
    )
    searcher = vision.ImageSearcher.create_from_options(options)
    answers, seconds = [], []
    for array in pictures():
        image = vision.TensorImage.create_from_array(array)
        started = time.perf_counter()
        found = searcher.search(image).nearest_neighbors
        seconds.append(time.perf_counter() - started)
        answers.append([[bytes(neighbor.metadata).decode(), neighbor.distance] for neighbor in found])
    return {"answers": answers, "seconds": seconds, "user_info": searcher.get_user_info()}


def embed(model):
    """Print the embedding of each picture."""
    embedder = vision.ImageEmbedder.create_from_file(model)
    return [
        np.asarray(
            embedder.embed(vision.TensorImage.create_from_array(array)).embeddings[0].feature_vector.value
        ).tolist()
        for array in pictures()
    ]


sys.stdout.write(json.dumps({"search": search, "embed": embed}[sys.argv[1]](*sys.argv[2:])))
