"""The tests mirror the package, and no module grows past what one can read."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "lookalike"
TESTS = ROOT / "tests"
OF_NO_MODULE = frozenset({"meta", "e2e", "typing", "data", "docs"})
MOST_LINES = 400


def _tested(test: Path) -> list[Path]:
    """Return the paths that a test file may be about: ``test_decode_fuzz.py`` is about ``decode.py``, for example."""
    folder = PACKAGE / test.relative_to(TESTS).parent
    words = test.stem.removeprefix("test_").split("_")
    names = ["_".join(words[:count]) for count in range(1, len(words) + 1)]
    return [folder / path for name in names for path in (f"{name}.py", f"__{name}__.py", f"{name}/__init__.py")]


def test_every_test_file_is_about_a_module_of_the_same_place_and_name():
    tests = [path for path in TESTS.rglob("test_*.py") if path.relative_to(TESTS).parts[0] not in OF_NO_MODULE]
    assert len(tests) > 5
    stray = [str(test.relative_to(ROOT)) for test in tests if not any(path.is_file() for path in _tested(test))]
    assert stray == []


def test_no_module_is_too_long():
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    assert len(lengths) > 10
    assert {str(path.relative_to(ROOT)): lines for path, lines in lengths.items() if lines > MOST_LINES} == {}


def test_every_folder_with_modules_is_a_package():
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_the_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").is_file()
