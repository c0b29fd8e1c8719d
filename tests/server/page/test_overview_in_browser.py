"""The gallery as a whole, in a browser."""

from __future__ import annotations

from itertools import pairwise

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import expect

import lookalike
from tests.server.page.browsing import opened


@pytest.fixture
def page(chromium, service):
    with opened(chromium, service.url) as page:
        yield page


def test_the_map_is_drawn_and_opens_pictures_of_the_service(page, service):
    page.get_by_role("tab", name="Map").click()
    page.locator("#look-draw").click()
    drawn = page.frame_locator("#look-map iframe")
    expect(drawn.get_by_role("heading")).to_have_text("Images of leaves")
    for label in ("angular_leaf_spot", "bean_rust", "healthy"):
        expect(drawn.get_by_text(label)).to_be_visible()
    canvas = drawn.locator("canvas").first
    canvas.focus()
    page.keyboard.press("ArrowRight")
    with page.context.expect_page() as picture:
        page.keyboard.press("Enter")
    assert picture.value.url.startswith(f"{service.url}/galleries/leaves/pictures/")


@pytest.mark.parametrize("is_saved", [False, True])
def test_a_map_by_itself_opens_pictures_of_the_service(chromium, service, tmp_path, is_saved):
    saved = lookalike.connect(service.url, gallery="leaves").map(tmp_path / "map.html")
    with chromium.new_context() as session:
        page = session.new_page()
        troubles = []
        page.on("console", lambda message: message.type == "error" and troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(saved.as_uri() if is_saved else f"{service.url}/galleries/leaves/map")
        expect(page.get_by_role("heading")).to_have_text("Images of leaves")
        page.locator("canvas").first.focus()
        page.keyboard.press("ArrowRight")
        with session.expect_page() as picture:
            page.keyboard.press("Enter")
        picture.value.wait_for_load_state()
        assert picture.value.url.startswith(f"{service.url}/galleries/leaves/pictures/")
        assert picture.value.evaluate("document.images[0].naturalWidth") > 100
        assert troubles == []


def test_the_gallery_is_evaluated(page, leaves):
    page.get_by_role("tab", name="Evaluation").click()
    page.locator("#look-judge").click()
    # while it goes on, what tells of it covers nothing and is covered by nothing
    boxes = page.wait_for_function("""() => {
        const shown = [".progress-level-inner", ".progress-bar-wrap", ".progress-text"];
        const found = shown.map((one) => document.querySelector(`#look-evaluation ${one}`));
        if (found.includes(null)) return null;
        const about = document.querySelector("#look-evaluation .html-container");
        const edges = found.map((one) => one.getBoundingClientRect()).map(({ top, bottom }) => [top, bottom]);
        return { edges, behind: getComputedStyle(about).visibility };
    }""").json_value()
    assert boxes["behind"] == "hidden"
    edges = sorted(boxes["edges"])
    assert all(above[1] <= below[0] for above, below in pairwise(edges))
    report = page.frame_locator("#look-evaluation iframe")
    expect(report.get_by_role("heading", name="Overall")).to_be_visible()
    told = report.locator("body").inner_text()
    for measure, estimate in leaves.evaluate().overall.estimates.items():
        assert str(measure) in told
        assert f"{estimate.mean:.3f}" in told
    assert str(leaves.path.parent) not in report.locator("body").inner_html()
