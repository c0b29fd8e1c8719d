"""The process whose memory is measured while it builds an index; prints the peak and the size on disk as JSON."""

from __future__ import annotations

import json
import re
import sys
import tempfile
import threading
from pathlib import Path

import lance
import numpy as np
import pyarrow as pa

from lookalike.indexes.building import build_index
from lookalike.indexes.lance_rows import LanceRows

ANONYMOUS = re.compile(r"^RssAnon:\s+(\d+) kB$", re.MULTILINE)


def anonymous():
    """Return the memory of this process that is no mapped file, in bytes."""
    return 1024 * int(ANONYMOUS.search(Path("/proc/self/status").read_text())[1])


def as_table(rows, folder):
    dim = rows.shape[1]
    schema = pa.schema([("embedding", pa.list_(pa.float32(), dim))])

    def batches():
        for start in range(0, len(rows), 4_096):
            block = pa.array(np.ascontiguousarray(rows[start : start + 4_096]).reshape(-1))
            yield pa.record_batch([pa.FixedSizeListArray.from_arrays(block, dim)], schema=schema)

    reader = pa.RecordBatchReader.from_batches(schema, batches())
    dataset = lance.write_dataset(reader, str(folder), enable_stable_row_ids=True)
    row_ids = dataset.to_table(columns=[], with_row_id=True)["_rowid"].to_numpy()
    return LanceRows(dataset, "embedding", row_ids)


def size_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main():
    spec, file, rows, dim = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    folder = Path(tempfile.mkdtemp(dir=file.parent))
    few = np.random.default_rng(1).normal(size=(2_500, dim)).astype(np.float32)
    build_index(spec, few, table=lambda: as_table(few, folder / "few"))  # what libraries take once, before the measure
    vectors = np.memmap(file, np.float32, "r", shape=(rows, dim))
    source = as_table(vectors, folder / "table") if spec.startswith("lance") else vectors
    before, peak, done = anonymous(), anonymous(), threading.Event()
    kept = size_of(folder)

    def follow():
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, anonymous())

    follower = threading.Thread(target=follow)
    follower.start()
    index = build_index(spec, source)
    index.save(folder / "index")
    done.set()
    follower.join()
    json.dump({"memory": peak - before, "disk": size_of(folder) - kept}, sys.stdout)


if __name__ == "__main__":
    main()
