"""What all tests share: real photos, a cache of their own, no network, and no silent skips where all is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
_MACHINE_MARK = "machine"
_WITH_MILVUS = ("tests/indexes/test_milvus_backend.py", "tests/search/test_index_servers.py")
_BUNDLED_PHOTOS = (
    "astronaut.png",
    "brick.png",
    "camera.png",
    "cell.png",
    "chelsea.png",
    "clock_motion.png",
    "coffee.png",
    "coins.png",
    "color.png",
    "grass.png",
    "gravel.png",
    "horse.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "logo.png",
    "moon.png",
    "motorcycle_left.png",
    "motorcycle_right.png",
    "page.png",
    "retina.jpg",
    "rocket.jpg",
    "text.png",
)

# Writes the Beans photos as files, in a process of its own: this one may use no network.
_FETCH_BEANS = """
import sys
from pathlib import Path
import datasets
for split in ("train", "validation", "test"):
    rows = datasets.load_dataset("AI-Lab-Makerere/beans", split=split)
    names = rows.features["labels"].names
    for row in rows.cast_column("image", datasets.Image(decode=False)):
        folder = Path(sys.argv[1], split, names[row["labels"]])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / Path(row["image_file_path"]).name).write_bytes(row["image"]["bytes"])
"""


class NetworkUseError(RuntimeError):
    """A test reached out of this machine."""


def _refuse_network(event: str, args: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = args[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(args[1], tuple):
        host = args[1][0]
    else:
        return
    name = host.decode() if isinstance(host, bytes) else host
    if isinstance(name, str) and not (name in ("", "localhost", "::1", "0.0.0.0") or name.startswith("127.")):
        msg = f"tests use no network, and this one reached for {name}"
        raise NetworkUseError(msg)


def pytest_configure(config: pytest.Config) -> None:
    """Set up the process before any test module, and so any library, is imported."""
    config.addinivalue_line("markers", f"{_MACHINE_MARK}: needs something of the machine itself, so it may be skipped")
    cache = tempfile.mkdtemp(prefix="lookalike-tests-")
    config.add_cleanup(lambda: shutil.rmtree(cache, ignore_errors=True))
    os.environ["LOOKALIKE_CACHE"] = cache
    os.environ["HF_HUB_OFFLINE"] = "1"
    sys.addaudithook(_refuse_network)


class _ByFile(LoadFileScheduling):
    """Gives each process whole files, and one of them all that need the Milvus server: a machine has one."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::", 1)[0]
        return "milvus" if path in _WITH_MILVUS else path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    return _ByFile(config, log)


def _requires_all() -> bool:
    return os.environ.get("LOOKALIKE_REQUIRE_ALL") == "1"


def _as_failure(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"LOOKALIKE_REQUIRE_ALL=1 allows no skip. {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    report = yield
    is_xfail = hasattr(report, "wasxfail")
    if _requires_all() and report.skipped and not is_xfail and item.get_closest_marker(_MACHINE_MARK) is None:
        _as_failure(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector):
    report = yield
    if _requires_all() and report.skipped:
        _as_failure(report)
    return report


@pytest.fixture(scope="session")
def beans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Beans photos (500x500 leaves): folders train, validation and test, in each one folder for each label."""
    at_hand = Path(os.environ.get("LOOKALIKE_BEANS") or ROOT.parent / "shared" / "beans")
    if (at_hand / "train").is_dir():
        return at_hand
    folder = tmp_path_factory.mktemp("beans")
    environ = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    command = [sys.executable, "-c", _FETCH_BEANS, str(folder)]
    try:
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=900, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("the Beans photos could not be fetched in 15 minutes; set LOOKALIKE_BEANS to a folder of them")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        pytest.skip(f"no Beans photos ({last}); set LOOKALIKE_BEANS to a folder that holds train, validation and test")
    return folder


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 22 photos and drawings that scikit-image's wheel brings, PNG and JPEG, in colour and grey."""
    skimage = pytest.importorskip("skimage")
    folder = tmp_path_factory.mktemp("photos")
    for name in _BUNDLED_PHOTOS:
        shutil.copyfile(Path(skimage.__file__).parent / "data" / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def milvus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Milvus server of this machine, which has nothing but what tests put there."""
    server = pytest.importorskip("milvus").MilvusServer()
    server.set_base_dir(str(tmp_path_factory.mktemp("milvus")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves sockets open where a port is taken
        server.start()
    yield f"http://127.0.0.1:{server.listen_port}"
    server.stop()


@pytest.fixture
def milvus(milvus_server: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of that server, which the environment names."""
    pymilvus = pytest.importorskip("pymilvus")
    monkeypatch.setenv("LOOKALIKE_MILVUS_URI", milvus_server)
    monkeypatch.delenv("LOOKALIKE_MILVUS_TOKEN", raising=False)
    # a machine that is busy with other tests is no server that is away
    monkeypatch.setattr("lookalike.indexes.milvus_backend._SEARCHING", 120.0)
    monkeypatch.setattr("lookalike.indexes.milvus_server._DROPPING", 120.0)
    return pymilvus.MilvusClient(milvus_server)
