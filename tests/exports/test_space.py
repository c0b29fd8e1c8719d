"""A gallery as a Space: what is written, and that it runs."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass, replace
from importlib.metadata import version

import pytest
import urllib3

import lookalike
from lookalike.errors import InputError
from lookalike.exports.space import GRADIO, SpaceOptions
from tests.cli.command import album, picture
from tests.toys import ToyEncoder

pytest.importorskip("gradio")


@dataclass
class FolderEncoder(ToyEncoder):
    folder: str = ""

    @property
    def spec(self):
        return replace(super().spec, name=self.folder)


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """Six pictures beside the gallery, and one that lies elsewhere."""
    folder = tmp_path_factory.mktemp("space")
    gallery = lookalike.open(folder / ".lookalike")
    gallery.add(album(folder / "photos"))
    gallery.add(picture(tmp_path_factory.mktemp("elsewhere") / "far.png", 9))
    return gallery


@pytest.fixture(scope="module")
def written(gallery, tmp_path_factory):
    """A Space in another place than it was written to."""
    folder = tmp_path_factory.mktemp("written")
    report = gallery.export_space(folder / "made", SpaceOptions('Leaves: "all"'))
    assert (report.folder, report.pictures, report.left_out) == (folder / "made", 6, 1)
    assert report.bytes == sum(path.stat().st_size for path in report.folder.rglob("*") if path.is_file())
    shutil.move(folder / "made", folder / "moved")
    return folder / "moved"


def test_what_was_thrown_away_stays_here(tmp_path):
    photos = album(tmp_path / "photos")
    shutil.copy(photos / "even" / "0.png", photos / "copy.png")
    gallery = lookalike.open(tmp_path / ".lookalike")
    gallery.add(photos)
    moved = gallery.duplicates().move(kinds=["exact"])
    assert len(moved.moves) == 1
    (tmp_path / ".lookalike" / "index_servers.json").write_text(f'{{"folder": "{photos}"}}')
    made = gallery.export_space(tmp_path / "made").folder
    # neither the picture nor where it was on this machine
    assert not [path for path in made.rglob("*") if path.name in ("moves", "trash", "index_servers.json")]
    assert not [path for path in made.rglob("*") if path.is_file() and str(photos).encode() in path.read_bytes()]
    assert len(gallery.undo().moves) == 1


def test_the_folder_tells_the_hub_what_it_is(written):
    about = (written / "README.md").read_text("utf-8")
    header = dict(line.split(": ", 1) for line in about.split("---\n")[1].splitlines())
    assert header["title"] == r'"Leaves: \"all\""'
    assert (header["sdk"], header["app_file"], header["sdk_version"]) == ("gradio", "app.py", GRADIO)
    assert version("gradio") == GRADIO
    assert (written / "requirements.txt").read_text() == f"lookalike[ui]=={lookalike.__version__}\n"
    large = {line.split()[0] for line in (written / ".gitattributes").read_text().splitlines()}
    assert {"*.lance", "*.png"} <= large
    photos = sorted(str(path.relative_to(written)) for path in (written / "photos").rglob("*.png"))
    assert photos == [
        "photos/even/0.png",
        "photos/even/2.png",
        "photos/even/4.png",
        *(f"photos/odd/{number}.png" for number in (1, 3, 5)),
    ]
    assert not list(written.rglob("*.lock"))


def test_the_app_answers_and_lets_nobody_change_it(written, gallery):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "PORT": str(port)}
    with subprocess.Popen(
        [sys.executable, "app.py"], cwd=written, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as app:
        try:
            assert app.stdout.readline() == b"ready\n"
            http = urllib3.PoolManager(retries=False, timeout=60)
            asked = {"query": {"id": "photos/odd/3.png"}, "k": 6}
            space = {"Host": "user-name.hf.space", "Origin": "https://user-name.hf.space"}
            url = f"http://127.0.0.1:{port}"
            found = http.request("POST", f"{url}/search", json=asked, headers=space).json()
            assert [hit["id"] for hit in found["hits"]] == gallery.search("id:photos/odd/3.png", k=6).ids
            thumbnail = http.request("GET", url + found["hits"][0]["thumbnail"], headers=space)
            assert (thumbnail.status, thumbnail.headers["Content-Type"]) == (200, "image/jpeg")
            page = http.request("GET", url, headers=space)
            assert page.status == 200
            assert "frame-ancestors https://huggingface.co" in page.headers["Content-Security-Policy"]
            assert http.request("DELETE", f"{url}/items/photos%2Fodd%2F3.png", headers=space).status == 403
        finally:
            app.terminate()


def test_a_gallery_may_be_mounted_instead(gallery, tmp_path):
    report = gallery.export_space(tmp_path / "space", SpaceOptions(has_gallery=False))
    assert report.to_dict()["pictures"] == 0
    assert not (tmp_path / "space" / ".lookalike").exists()
    assert "LOOKALIKE_GALLERY" in (tmp_path / "space" / "README.md").read_text("utf-8")


def test_a_folder_with_other_files_is_left_alone(gallery, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match=re.escape("is not empty")):
        gallery.export_space(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_model_of_this_machine_cannot_go_along(gallery, tmp_path):
    own = lookalike.open(tmp_path / ".lookalike", encoder=FolderEncoder(folder=str(tmp_path)))
    own.add(album(tmp_path / "photos", 2))
    with pytest.raises(InputError, match="model of the hub"):
        own.export_space(tmp_path / "space")
    assert not (tmp_path / "space").exists()
