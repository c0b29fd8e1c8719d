"""Duplicates reviewed in a browser: what goes to the trash, comes back, and is left alone for good."""

from __future__ import annotations

import shutil

import pytest

pytest.importorskip("playwright")

from PIL import Image
from playwright.sync_api import expect

import lookalike
from lookalike.server.options import ServerOptions
from tests.server.page.browsing import opened
from tests.server.service import serving


@pytest.fixture
def doubled(beans, tmp_path):
    """Eight photos, of which one is there three times: as it is, copied, and smaller."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, path in enumerate(sorted((beans / "test" / "bean_rust").iterdir())[:8]):
        shutil.copyfile(path, photos / f"{number}.jpg")
    shutil.copyfile(photos / "3.jpg", photos / "copy.jpg")
    with Image.open(photos / "3.jpg") as photo:
        photo.resize((250, 250)).save(photos / "small.png")
    gallery = lookalike.open(tmp_path / ".lookalike")
    gallery.add(photos)
    return gallery


def review(page):
    page.get_by_role("tab", name="Duplicates").click()
    page.locator("#look-find").click()
    group = page.locator(".look-group")
    expect(group).to_have_count(1)
    expect(group.locator(".look-hits > li")).to_have_count(3)
    return group


def test_duplicates_go_to_the_trash_and_come_back(chromium, doubled):
    photos = doubled.path.parent / "photos"
    with serving(ServerOptions(is_writable=True), doubled=doubled) as service, opened(chromium, service.url) as page:
        review(page)
        move = page.locator(".look-move")
        expect(move).to_have_text("Move 2 to the trash")
        marks = page.locator("[data-do=trash]")
        marks.nth(0).click()
        move.click()
        expect(page.get_by_test_id("toast-body")).to_contain_text("would go to the trash; keep one")
        marks.nth(0).click()
        marks.nth(2).focus()
        page.keyboard.press("Space")
        expect(move).to_have_text("Move 1 to the trash")
        kept = marks.nth(2).get_attribute("data-id")
        move.click()
        expect(page.locator("#look-found")).to_contain_text("1 image moved to the trash")
        expect(page.locator(".look-group .look-hits > li")).to_have_count(2)
        assert len(list(photos.iterdir())) == 9 == len(doubled)
        assert (photos.parent / kept).exists()
        page.locator("#look-undo").click()
        expect(page.locator("#look-found")).to_contain_text("1 image brought back")
        assert len(list(photos.iterdir())) == 10 == len(doubled)
        page.locator("#look-undo").click()
        expect(page.get_by_test_id("toast-body").last).to_contain_text("nothing to undo")


def test_what_are_no_duplicates_is_noted_for_good(chromium, doubled):
    with serving(ServerOptions(is_writable=True), doubled=doubled) as service, opened(chromium, service.url) as page:
        review(page).get_by_role("button", name="Not duplicates").click()
        expect(page.locator("#look-found")).to_contain_text("3 images noted as no duplicates")
        expect(page.locator(".look-group")).to_have_count(0)
    assert len(doubled.duplicates().groups) == 0


def test_a_read_only_server_only_shows_them(chromium, doubled):
    with serving(doubled=doubled) as service, opened(chromium, service.url) as page:
        review(page)
        expect(page.locator("#look-found")).to_contain_text("--writable")
        for control in ("[data-do=trash]", "[data-do=apart]", ".look-move"):
            expect(page.locator(control)).to_have_count(0)
        expect(page.locator("#look-undo")).to_be_hidden()
        page.locator(".look-picture").first.click()
        expect(page.locator("#look-dialog img")).to_be_visible()
