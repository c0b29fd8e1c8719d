"""How a server keeps up with its clients: ``python -m benchmarks.serving``."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import urllib3

import lookalike
from benchmarks.machine import cores
from benchmarks.mixtures import mixture
from benchmarks.photos import photos, with_comment
from benchmarks.results import Column, Result, Table, Target, publish
from benchmarks.serving_load import Load, load
from lookalike.encoders.staging import batch_size, batches_at_once, decode_for, encode_prepared, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLIENTS = (1, 8, 64)
_SHARE_AT = 8
_LEAST_SHARE, _MOST_MILLISECONDS, _MOST_GROWTH, _MOST_SLOWDOWN = 0.85, 8.0, 1.05, 2.0
_WARM_UP = 200
_MEBIBYTE = 1 << 20
_METHOD = """\
`lookalike serve` in a process of its own on the same machine, and clients in another, each of which sends a request,
as a form over a connection that it keeps, when the one before is answered. Images are the test photos of Beans, over a
gallery of the train photos. `encoder` is what the same encoder does without a server, before and after each row: the
same files decoded by as many threads as there are cores and embedded in full batches, as many of them at once as the
encoder is quickest with; the clients and the server's own work take from the same cores. Queries by id go to a gallery
of rows around embeddings of photos, 256 dimensions, searched exactly. Memory is the server's resident size as the
kernel tells, before and after the queries by id. While images are added, each by a request of its own, eight clients
go on searching."""


def main() -> None:
    """Make two galleries, serve them, and ask."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--indexed", type=int, default=1_000, help="photos in the gallery that is asked with images")
    parser.add_argument("--requests", type=int, default=1_500, help="with images, for each number of clients")
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--id-requests", type=int, default=20_000)
    parser.add_argument("--added", type=int, default=1_000)
    options = parser.parse_args()
    pictures = [path.read_bytes() for path in photos("test")]
    with tempfile.TemporaryDirectory() as folder:
        lookalike.open(f"{folder}/photos").add([str(path) for path in photos("train")[: options.indexed]])
        ids = [f"row/{number:07}" for number in range(options.rows)]
        lookalike.open(f"{folder}/rows").add_embeddings(ids, mixture(options.rows))
        with _server(folder) as (url, process):
            load(url, [_form(pictures[0])], 1, _WARM_UP)
            forms = [_form(picture) for picture in pictures]
            rates = [_encoder_rate(pictures, options.requests)]
            by_clients: dict[int, Load] = {}
            for clients in _CLIENTS:
                by_clients[clients] = load(url, forms, clients, options.requests)
                rates.append(_encoder_rate(pictures, options.requests))
            memory, by_id = _id_queries(url, process.pid, ids, options.id_requests)
            adding = _while_adding(url, forms, pictures, options.added)
    publish(_result(rates, by_clients, memory, by_id, adding))


@contextmanager
def _server(folder: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    galleries = [f"--gallery={name}={folder}/{name}" for name in ("photos", "rows")]
    command = [sys.executable, "-m", "lookalike", "serve", "--port", "0", "--json", "--writable", *galleries]
    with (
        Path(folder, "log").open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            yield json.loads(process.stdout.readline())["url"], process  # type: ignore[union-attr]
        finally:
            process.terminate()


def _encoder_rate(pictures: list[bytes], count: int) -> float:
    """Return images a second, from the bytes of files to embeddings, in batches as many at once as suit the encoder."""
    encoder = lookalike.load_encoder()
    size = batch_size(encoder)

    def prepared(number: int) -> Any:
        return prepare(encoder, decode_for(encoder, pictures[number % len(pictures)]).pixels)

    def batches() -> Iterator[list[Any]]:
        with ThreadPoolExecutor(cores()) as pool:
            batch: list[Any] = []
            for image in pool.map(prepared, range(count)):
                batch.append(image)
                if len(batch) == size:
                    yield batch
                    batch = []
            if batch:
                yield batch

    encode_prepared(encoder, [prepared(0)] * size)
    started = time.perf_counter()
    with ThreadPoolExecutor(batches_at_once(encoder)) as embedding:
        for done in [embedding.submit(encode_prepared, encoder, batch) for batch in batches()]:
            done.result()
    return count / (time.perf_counter() - started)


def _form(picture: bytes) -> tuple[str, bytes, str]:
    """Return path, body and type of a search with a picture."""
    body, kind = urllib3.encode_multipart_formdata({"image": ("image", picture)})
    return "/search", body, kind


def _id_queries(url: str, pid: int, ids: list[str], count: int) -> tuple[list[int], Load]:
    """Ask one after another for the neighbours of rows; return the memory of the server before and after, in bytes."""
    queries = [
        ("/galleries/rows/search", json.dumps({"query": {"id": item}}).encode(), "application/json")
        for item in ids[:: max(1, len(ids) // 1_000)]
    ]
    load(url, queries, 1, min(_WARM_UP, count))
    before = _resident(pid)
    done = load(url, queries, 1, count)
    return [before, _resident(pid)], done


def _while_adding(url: str, forms: list[Any], pictures: list[bytes], count: int) -> dict[str, Any]:
    """Add images, and search meanwhile; then search as much without."""

    def new(number: int) -> tuple[str, bytes, str]:
        body, kind = urllib3.encode_multipart_formdata(
            {"image": ("image", with_comment(pictures[number % len(pictures)], b"new %d" % number))}
        )
        return "/items", body, kind

    uploads = [new(number) for number in range(count)]
    with ThreadPoolExecutor(1) as pool:
        adding = pool.submit(load, url, uploads, 4, count)
        meanwhile = []
        while not adding.done():
            meanwhile.append(load(url, forms, _SHARE_AT, 50))
    before = meanwhile or [load(url, forms, _SHARE_AT, 50)]
    after = load(url, forms, _SHARE_AT, 50 * len(before))
    return {"added": adding.result(), "meanwhile": Load.joined(before), "after": after}


def _resident(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"the kernel tells no resident size of process {pid}")


def _result(
    rates: list[float], by_clients: dict[int, Load], memory: list[int], by_id: Load, adding: dict[str, Any]
) -> Result:
    beside = {clients: statistics.harmonic_mean(rates[i : i + 2]) for i, clients in enumerate(by_clients)}
    shares = {clients: done.rate / beside[clients] for clients, done in by_clients.items()}
    rows: list[list[Any]] = [
        [f"{clients} clients", done.rate, shares[clients], done.median, done.p99]
        for clients, done in by_clients.items()
    ]
    rows.append(["encoder", statistics.median(rates), 1.0, None, None])
    columns = [
        Column("image queries"),
        Column("a second", ".1f"),
        Column("share of the encoder", ".2f"),
        Column("p50, ms", ".1f"),
        Column("p99, ms", ".1f"),
    ]
    shown = [("by id, one client", by_id), *((name, adding[name]) for name in ("added", "meanwhile", "after"))]
    names = {
        "added": "images added, 4 clients",
        "meanwhile": "image queries meanwhile, 8 clients",
        "after": "image queries after it, 8 clients",
    }
    others = [[names.get(name, name), done.rate, done.median, done.p99] for name, done in shown]
    other_columns = [Column("requests"), Column("a second", ".1f"), Column("p50, ms", ".1f"), Column("p99, ms", ".1f")]
    growth = memory[1] / memory[0]
    sizes = [["before", memory[0] / _MEBIBYTE, 1.0], [f"after {by_id.count:,} requests", memory[1] / _MEBIBYTE, growth]]
    slowdown = adding["meanwhile"].median / adding["after"].median
    targets = [
        Target("share of the encoder at 8 clients", shares[_SHARE_AT], _LEAST_SHARE, is_floor=True),
        Target("milliseconds of a query by id, p50", by_id.median, _MOST_MILLISECONDS, is_floor=False),
        Target("memory after the queries by id, ratio", growth, _MOST_GROWTH, is_floor=False),
        Target("p50 while images are added, ratio", slowdown, _MOST_SLOWDOWN, is_floor=False),
    ]
    tables = [
        Table("Queries with an image", columns, rows),
        Table("Other requests", other_columns, others),
        Table("Resident size of the server, MiB", [Column(""), Column("MiB", ".0f"), Column("ratio", ".2f")], sizes),
    ]
    return Result("serving", "A server and its clients", _METHOD, tables, targets)


if __name__ == "__main__":
    main()
