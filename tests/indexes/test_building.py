"""Every built-in index keeps the contract; and specs that cannot be built are refused."""

from __future__ import annotations

import sys

import lance
import numpy as np
import pyarrow as pa
import pytest

from lookalike.errors import BackendMissingError, IndexUnusableError, InputError, ShapeError, UnknownNameError
from lookalike.indexes.building import INDEXES, build_index, load_index
from lookalike.indexes.exact import ExactIndex
from lookalike.indexes.lance_rows import LanceRows
from lookalike.indexes.scoring import WideQueries
from lookalike.metric import Metric
from lookalike.testing.index_contract import CHECKS, IndexContract, mixture

EXPECTED = {
    "exact": {"recall": 1.0},
    "lsh:bits=6,tables=20": {"recall": 0.9, "can_insert": True},
    "lsh:bits=8,tables=10": {"recall": 0.95, "parameters": {"probes": 8}, "can_insert": True},
    "lsh:bits=6,tables=60,rank=collisions": {"recall": 0.15, "can_insert": True},
    "faiss": {"recall": 1.0, "can_insert": True},
    "faiss:IVF16,Flat": {"recall": 1.0, "parameters": {"nprobe": 16}, "least_rows": 16, "can_insert": True},
    "faiss:PQ8x4fs,RFlat": {"recall": 0.97, "parameters": {"k_factor": 40}, "least_rows": 16, "can_insert": True},
    "ivfpq": {"recall": 0.97, "parameters": {"nprobe": 64, "k_factor": 40}, "can_insert": True},
    "hnsw": {"recall": 0.97, "parameters": {"efSearch": 200}, "can_insert": True},
    "sq8": {"recall": 0.99, "can_insert": True},
    "scann": {"recall": 0.97, "parameters": {"leaves_to_search": 55, "reorder": 20}},
    "pca:8/exact": {"recall": 0.97, "parameters": {"oversample": 30}, "can_insert": True},
    "srp:12/hnsw:m=32": {"recall": 0.95, "parameters": {"oversample": 40, "efSearch": 400}, "can_insert": True},
}


@pytest.fixture(scope="module", params=[(spec, metric) for spec in EXPECTED for metric in Metric], ids=str)
def contract(request):
    spec, metric = request.param
    if spec == "scann":
        pytest.importorskip("scann")
    return IndexContract(spec, metric, **EXPECTED[spec])


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_index_keeps_the_contract(contract, check, tmp_path):
    check(contract, tmp_path)


def test_what_is_found_was_proposed(contract):
    # otherwise an index whose backend proposes nothing would pass, since what comes short is searched exactly
    if contract.spec in ("exact", "lsh:bits=8,tables=10"):
        return
    index = contract.index
    prepared = index._preparation.queries(WideQueries.of(contract.queries))
    values = {**index.parameters, **contract._parameters}
    proposals = index.backend.propose(prepared, 10, allowed=None, parameters=values)
    assert ((proposals >= 0).sum(axis=1) >= 10).mean() > 0.9


def lance_table(folder, rows):
    """Write rows to a table, and return them as an index reads them, in an order that is not the table's."""
    order = np.random.default_rng(7).permutation(len(rows))
    flat = np.ascontiguousarray(rows, np.float32)[np.argsort(order)].ravel()
    column = pa.FixedSizeListArray.from_arrays(pa.array(flat), rows.shape[1])
    dataset = lance.write_dataset(pa.table({"embedding": column}), folder, enable_stable_row_ids=True)
    return LanceRows(dataset, "embedding", order.astype(np.uint64))


@pytest.fixture(scope="module", params=[(kind, metric) for kind in ("rq", "pq") for metric in Metric], ids=str)
def lance_contract(request, tmp_path_factory):
    kind, metric = request.param
    tables = {}

    def build(spec, rows, metric):
        folder = tmp_path_factory.mktemp("table") / "rows.lance"
        table = lance_table(folder, rows)
        if rows.flags.c_contiguous:  # the strided copy of the same rows is another table, which is not stored
            tables[rows.tobytes()] = table
        return build_index(spec, table, metric=metric)

    def load(path, rows):
        return load_index(path, tables[rows.tobytes()])

    options = {"recall": 0.95, "parameters": {"nprobes": 20, "refine": 20}, "least_rows": 256}
    return IndexContract(f"lance:kind={kind}", metric, build=build, load=load, **options)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_an_index_inside_a_table_keeps_the_contract(lance_contract, check, tmp_path):
    check(lance_contract, tmp_path)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("lhs", "no index named 'lhs'; did you mean 'lsh'"),
        ("pcb:8/lsh", "no projection named 'pcb'; did you mean 'pca'"),
        ("exact:fast", "exact takes no options"),
        ("exact:nprobe=1", "exact takes no options"),
        ("pca:8/lsh/hnsw", "is no index; write BACKEND or PROJECTION/BACKEND"),
        ("/lsh", "is no index"),
        ("pca:8/", "is no index"),
        ("pca:17/lsh", "choose at most 16"),
        ("lsh:bit=8", "no option of 'lsh' named 'bit'; did you mean 'bits'"),
        ("lsh:bits=63", "bits must be a whole number from 1 to 62"),
        ("lsh:8", "lsh takes options, as in lsh:NAME=VALUE"),
        ("lsh:center=maybe", "center must be yes or no"),
        ("hnsw:m=1", "m must be a whole number from 2 to 512"),
        ("hnsw:nprobe=3", "no option of 'hnsw' named 'nprobe'"),
        ("hnsw:32", "hnsw takes options"),
        ("ivfpq:subquantizers=5", "subquantizers must divide the 16 dimensions, got 5"),
        ("ivfpq:lists=5000", "FAISS cannot train IVF5000.* with 300 rows"),
        ("faiss:IVF4096,Flat", "FAISS cannot train IVF4096,Flat with 300 rows"),
        ("faiss:IVF16,Plat", "FAISS cannot make an index 'IVF16,Plat' of 16 dimensions"),
        ("faiss:Flat,lists=3", "no option of 'faiss' named 'lists'"),
        ("faiss:PQ7", "FAISS cannot make an index 'PQ7' of 16 dimensions"),
        ("faiss:IDMap,Flat", "would give others; leave IDMap out"),
        ("lance", "lance indexes embeddings in a Lance table, and these are an array"),
        ("pca:8/lance", "takes no projection"),
    ],
)
def test_what_cannot_be_built_is_refused_in_a_sentence(spec, message):
    with pytest.raises(InputError, match=message) as caught:
        build_index(spec, mixture(300, 16, seed=1))
    assert "\n" not in str(caught.value)
    assert ".cpp" not in str(caught.value)
    assert "faiss::" not in str(caught.value)


def test_rows_that_are_no_matrix_are_refused():
    with pytest.raises(ShapeError):
        build_index("lsh", np.zeros(8, np.float32))


@pytest.mark.parametrize(
    ("name", "library", "modules"),
    [
        ("scann", "scann", ["scann_backend"]),
        ("milvus", "pymilvus", ["milvus_backend", "milvus_server"]),
    ],
)
def test_a_missing_library_names_its_extra(monkeypatch, name, library, modules):
    for module in modules:
        monkeypatch.delitem(sys.modules, f"lookalike.indexes.{module}", raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(BackendMissingError) as caught:
        build_index(name, mixture(10, 4, seed=1))
    assert str(caught.value) == f'{library} is not installed; run: pip install "lookalike[{name}]"'


FROM_A_PACKAGE = """
import numpy as np

class Backend:
    can_filter = False
    parameters = {}
    nbytes = 1
    details = {}

    def __init__(self, n):
        self.n = n

    @classmethod
    def build(cls, rows, spec, *, seed):
        return cls(len(rows))

    @classmethod
    def load(cls, folder, spec):
        return cls(int((folder / "n").read_text()))

    def save(self, folder):
        (folder / "n").write_text(str(self.n))

    def propose(self, queries, count, *, allowed, parameters):
        return np.tile(np.arange(self.n), (len(queries), 1))
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """What pip leaves of an installed package with a backend that proposes everything."""
    (tmp_path / "acme_index.py").write_text(FROM_A_PACKAGE)
    info = tmp_path / "acme_index-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-index\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[lookalike.indexes]\nacme = acme_index:Backend\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("acme_index", None)


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("metric", list(Metric))
def test_a_backend_of_a_package_keeps_the_contract(tmp_path, metric):
    assert "acme" in INDEXES.names()
    IndexContract("acme", metric, recall=1.0).check_all(tmp_path / "checks")
    IndexContract("pca:4/acme", metric, recall=1.0).check_all(tmp_path / "more-checks")


def test_an_index_stored_by_a_package_that_is_gone_is_named(package, tmp_path):
    rows = mixture(2_000, 8, seed=1)
    build_index("acme", rows).save(tmp_path / "index")
    about = tmp_path / "index" / "index.json"
    about.write_text(about.read_text().replace('"acme"', '"acne"'))
    with pytest.raises(UnknownNameError, match="no index named 'acne'"):
        load_index(tmp_path / "index", rows)


@pytest.mark.parametrize("spec", ["exact", "lsh:bits=6", "hnsw", "sq8", "pca:8/exact", "pca:8/lsh"])
def test_a_damaged_index_is_refused_and_never_answers_wrongly(tmp_path, spec):
    rows, queries = mixture(500, 16, seed=1), mixture(5, 16, seed=2)
    index = build_index(spec, rows)
    expected = index.search(queries, 5)
    index.save(tmp_path / "index")
    paths = [path for path in sorted((tmp_path / "index").rglob("*")) if path.is_file()]
    assert len(paths) >= 2
    for path in paths:
        content = path.read_bytes()
        for damage in (None, b"", content[: len(content) // 2]):
            path.unlink(missing_ok=True)
            if damage is not None:
                path.write_bytes(damage)
            try:
                found = load_index(tmp_path / "index", rows).search(queries, 5)
            except IndexUnusableError as error:
                assert "build it again" in str(error)
            else:  # what was lost was of no consequence
                np.testing.assert_array_equal(found.positions, expected.positions)
        path.write_bytes(content)
    np.testing.assert_array_equal(load_index(tmp_path / "index", rows).search(queries, 5).scores, expected.scores)


@pytest.mark.parametrize("spec", ["exact", "lsh"])
def test_an_index_of_other_rows_is_refused(tmp_path, spec):
    rows = mixture(500, 16, seed=1)
    build_index(spec, rows).save(tmp_path / "index")
    with pytest.raises(IndexUnusableError, match="of 500 rows of 16 numbers"):
        load_index(tmp_path / "index", rows[:-1])
    with pytest.raises(IndexUnusableError, match="of other rows"):
        load_index(tmp_path / "index", mixture(500, 16, seed=2))
    with pytest.raises(IndexUnusableError, match="there is none"):
        load_index(tmp_path / "nothing", rows)


def test_an_index_of_a_newer_format_is_refused(tmp_path):
    rows = mixture(500, 16, seed=1)
    build_index("lsh", rows).save(tmp_path / "index")
    about = tmp_path / "index" / "index.json"
    about.write_text(about.read_text().replace('"format": 1', '"format": 99'))
    with pytest.raises(IndexUnusableError, match="format 99"):
        load_index(tmp_path / "index", rows)


@pytest.mark.parametrize(
    ("spec", "parameters", "recall"),
    [
        ("lsh:bits=8,tables=10", {}, 0.2),
        ("lsh:bits=8,tables=10", {"probes": 8}, 0.75),
        ("lsh", {}, 0.85),
        ("ivfpq:lists=16", {"nprobe": 8}, 0.9),
        ("hnsw", {}, 0.97),
        ("sq8", {}, 0.98),
        ("pca:128/exact", {}, 0.97),
        ("rp:256/exact", {}, 0.85),
    ],
)
def test_photos_are_found_as_an_exact_search_finds_them(bean_embeddings, spec, parameters, recall):
    rows, queries = bean_embeddings
    truth = ExactIndex(rows).search(queries, 10)
    found = build_index(spec, rows).search(queries, 10, parameters=parameters)
    shares = [np.isin(a, b).mean() for a, b in zip(found.positions, truth.positions, strict=True)]
    assert np.mean(shares) >= recall


def test_the_rows_are_read_in_pieces(tmp_path):
    # a matrix that answers slices and positions, and never gives itself away as a whole
    class OnDisk:
        def __init__(self, rows):
            self.rows, self.shape, self.ndim, self.nbytes = rows, rows.shape, 2, rows.nbytes
            self.most = 0

        def __len__(self):
            return len(self.rows)

        def __getitem__(self, which):
            part = self.rows[which]
            self.most = max(self.most, part.nbytes)
            return part

    rows = np.tile(mixture(3_000, 256, seed=1), (30, 1))
    for spec in ("faiss:IVF16,SQ8", "lsh", "pca:8/sq8"):
        source = OnDisk(rows)
        found = build_index(spec, source).search(rows[:5], 3)
        assert source.most <= rows.nbytes * 0.75
        np.testing.assert_allclose(found.scores[:, 0], 1, atol=1e-6)
