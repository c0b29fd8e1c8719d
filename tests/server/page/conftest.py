"""The page in a real browser: Chromium, as the system's packages have it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

import lookalike
from tests.server.service import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.server.service import Client

_PER_LABEL = 20


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser, within one module alone: while it is there, an event loop runs in this thread."""
    sync_api = pytest.importorskip("playwright.sync_api")
    path = os.environ.get("LOOKALIKE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium; install the package chromium, or name one with LOOKALIKE_CHROMIUM")
    # a camera that shows a test picture, and needs no permission
    camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", *camera])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def leaves(beans: Path, tmp_path_factory: pytest.TempPathFactory) -> lookalike.Gallery:
    """A gallery of 20 photos of each label, which is calibrated."""
    folder = tmp_path_factory.mktemp("leaves")
    for label in sorted((beans / "validation").iterdir()):
        (folder / "photos" / label.name).mkdir(parents=True)
        for path in sorted(label.iterdir())[:_PER_LABEL]:
            shutil.copyfile(path, folder / "photos" / label.name / path.name)
    gallery = lookalike.open(folder / ".lookalike")
    gallery.add(folder / "photos", label_from="parent")
    return gallery


@pytest.fixture(scope="session")
def leaf(beans: Path) -> Path:
    """A photo that the gallery does not hold."""
    return min((beans / "test" / "healthy").iterdir())


@pytest.fixture(scope="module")
def service(leaves: lookalike.Gallery) -> Iterator[Client]:
    with serving(leaves=leaves) as client:
        yield client
