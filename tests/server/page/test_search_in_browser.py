"""The page as somebody uses it who looks for images."""

from __future__ import annotations

import base64

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import expect

from lookalike import Query, Term
from lookalike.images.region import Region
from lookalike.server.options import ServerOptions
from lookalike.server.page.asking import Marks, item_term, led_by
from tests.server.page.browsing import ask, button, choose, more_options, opened, options, pick, sees, taken
from tests.server.service import serving, toy_gallery
from tests.toys import png

SHOWN = 12
KEY = "k" * 20


@pytest.fixture
def page(chromium, service):
    with opened(chromium, service.url) as page:
        yield page


def test_a_picture_is_uploaded_and_its_hits_are_those_of_the_gallery(page, leaves, leaf):
    ask(page, leaf)
    hits = leaves.search(leaf, k=SHOWN)
    sees(page, hits.ids)
    cards = page.locator(".look-hits > li")
    for number in (0, SHOWN - 1):
        expect(cards.nth(number).locator(".look-score")).to_have_text(f"{hits[number].score:.3f}")
        expect(cards.nth(number).locator(".look-strength")).to_have_text(str(hits[number].strength))
    expect(page.locator("#look-status")).to_contain_text("12 hits for the picture")


def test_a_picture_is_dropped(page, leaves, leaf):
    file = page.evaluate_handle(
        """text => {
        const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)), dropped = new DataTransfer();
        dropped.items.add(new File([bytes], "leaf.jpg", { type: "image/jpeg" }));
        return dropped;
    }""",
        base64.b64encode(leaf.read_bytes()).decode(),
    )
    page.locator("#look-query button").first.dispatch_event("drop", {"dataTransfer": file})
    taken(page)
    page.locator("#look-go").click()
    sees(page, leaves.search(leaf, k=SHOWN).ids)


def test_a_picture_is_pasted(chromium, service):
    with opened(chromium, service.url, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.evaluate(
            """async text => {
            const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
            const image = new Blob([bytes], { type: "image/png" });
            await navigator.clipboard.write([new ClipboardItem({ "image/png": image })]);
        }""",
            base64.b64encode(png(1, side=64)).decode(),
        )
        page.get_by_label("Paste from clipboard").click()
        taken(page)
        page.locator("#look-go").click()
        expect(page.locator(".look-hits > li")).to_have_count(SHOWN)


def test_a_photograph_is_taken(page):
    page.get_by_label("Capture from camera").click()
    page.get_by_text("Click to Access Webcam").click()
    page.wait_for_function("document.querySelector('#look-query video')?.videoWidth > 0")
    page.get_by_label("capture photo").click()
    taken(page)
    page.locator("#look-go").click()
    expect(page.locator(".look-hits > li")).to_have_count(SHOWN)


def test_a_box_is_dragged_and_its_part_is_searched(page, leaves, leaf):
    choose(page, leaf)
    area = page.locator("#look-query img").bounding_box()
    x, y = area["x"] + area["width"] / 2, area["y"] + area["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + area["width"] / 4, y + area["height"] / 4, steps=3)
    page.mouse.up()
    region = page.locator("#look-region").get_by_role("textbox")
    expect(region).to_have_value("0.500,0.500,0.250,0.250")
    expect(page.locator(".look-box")).to_be_visible()
    page.locator("#look-go").click()
    sees(page, leaves.search(Query([Term(leaf, crop=Region.of("0.5,0.5,0.25,0.25"))]), k=SHOWN).ids)
    expect(page.locator("#look-status")).to_contain_text("a part of the picture")
    region.fill("half of it")
    region.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("region")


def test_near_duplicates_are_folded_and_hits_are_spread(page, leaves, leaf):
    ask(page, leaf)
    options(page)
    page.locator("#look-collapse").get_by_role("checkbox").check()
    sees(page, leaves.search(leaf, k=SHOWN, collapse=True).ids)
    amount = page.locator("#look-diversity").get_by_role("spinbutton")
    amount.fill("0.6")
    amount.press("Enter")
    amount.blur()
    sees(page, leaves.search(leaf, k=SHOWN, collapse=True, diversity=0.6).ids)


def test_a_filter_narrows_and_a_wrong_one_is_a_sentence(page, leaves, leaf):
    ask(page, leaf)
    options(page)
    where = page.locator("#look-where").get_by_role("textbox")
    where.fill("label = 'bean_rust'")
    where.press("Enter")
    sees(page, leaves.search(leaf, k=SHOWN, where="label = 'bean_rust'").ids)
    where.fill("colour = 'green'")
    where.press("Enter")
    message = page.get_by_role("alert")
    expect(message).to_contain_text("colour")
    expect(message).not_to_contain_text("Traceback")
    # what was found before does not look like the answer
    sees(page, leaves.search(leaf, k=SHOWN, where="label = 'bean_rust'").ids)
    result = page.locator("#look-result")
    expect(result).to_have_css("opacity", "0.3")
    expect(page.get_by_text("Error", exact=True)).to_have_count(0)
    where.fill("label = 'healthy'")
    where.press("Enter")
    sees(page, leaves.search(leaf, k=SHOWN, where="label = 'healthy'").ids)
    expect(result).to_have_css("opacity", "1")
    expect(message).to_have_count(0)


def test_hits_are_ordered_and_ranked_otherwise_and_items_are_left_out(page, leaves, leaf):
    ask(page, leaf)
    more_options(page)
    reverse = page.locator("#look-reverse").get_by_role("checkbox")
    reverse.check()
    sees(page, leaves.search(leaf, k=SHOWN, reverse=True).ids)
    reverse.uncheck()
    pick(page, "#look-sort", "label, descending")
    sees(page, leaves.search(leaf, k=SHOWN, sort="-label").ids)
    pick(page, "#look-sort", "Likeness")
    pick(page, "#look-expand", "Crops of the picture too")
    sees(page, leaves.search(leaf, k=SHOWN, expand="crops").ids)
    pick(page, "#look-expand", "The query alone")
    pick(page, "#look-rerank", "Anew, whitened")
    sees(page, leaves.search(leaf, k=SHOWN, rerank="whitened").ids)
    out = leaves.search(leaf, k=2).ids
    exclude = page.locator("#look-exclude").get_by_role("textbox")
    exclude.fill(f"{out[0]}\nid:{out[1]}\n")
    exclude.press("Shift+Enter")
    sees(page, leaves.search(leaf, k=SHOWN, rerank="whitened", exclude=out).ids)
    reverse.check()
    expect(page.get_by_role("alert")).to_contain_text("The least alike come as they are")


def test_weak_hits_and_those_below_a_score_are_left_out(page, leaves, leaf, tmp_path):
    ask(page, leaf)
    options(page)
    page.get_by_label("Weak hits").check()
    sees(page, leaves.search(leaf, k=SHOWN, min_score="auto").ids)
    middle = leaves.search(leaf, k=SHOWN).scores[4] - 1e-3
    page.get_by_label("Hits below a score").check()
    score = page.locator("#look-min-score").get_by_role("spinbutton")
    score.fill(f"{middle:.4f}")
    score.press("Enter")
    sees(page, leaves.search(leaf, k=5).ids)
    (tmp_path / "noise.png").write_bytes(png(1, side=256))
    page.get_by_label("Weak hits").check()
    page.get_by_label("Remove Image").click()
    ask(page, tmp_path / "noise.png")
    expect(page.locator(".look-empty")).to_contain_text("Nothing in the gallery fits")


def test_hits_lead_on_to_more_and_to_better_ones(page, leaves, leaf):
    ask(page, leaf)
    first = leaves.search(leaf, k=SHOWN).ids
    sees(page, first)
    button(page, 2, "More like this").click()
    found = leaves.search(f"id:{first[2]}", k=SHOWN).ids
    sees(page, found)
    button(page, 1, "Good").click()
    button(page, 3, "Bad").click()
    button(page, 5, "Bad").click()
    button(page, 5, "Bad").click()
    refine = page.locator("#look-refine")
    expect(refine).to_have_text("Refine by 1 good and 1 bad")
    refine.click()
    marks = Marks((found[1],), (found[3],))
    query = led_by((item_term(first[2]),), marks)
    sees(page, leaves.search(query, k=SHOWN, include_self=True).ids)
    expect(page.locator("[data-do=good][aria-pressed=true]")).to_have_attribute("data-id", found[1])
    button(page, 0, "Why?").click()
    expect(page.locator("#look-dialog")).to_contain_text("This score is of the query alone")
    page.keyboard.press("Escape")
    page.locator("#look-forget").click()
    sees(page, found)
    expect(refine).to_be_hidden()


def test_a_hit_is_opened_and_explained(page, leaf):
    ask(page, leaf)
    page.locator(".look-picture").nth(1).click()
    picture = page.locator("#look-dialog img")
    expect(picture).to_be_visible()
    page.wait_for_function("document.querySelector('#look-dialog img').naturalWidth === 500")
    expect(page.locator("#look-dialog dl")).to_contain_text("healthy")
    page.keyboard.press("Escape")
    expect(picture).to_be_hidden()
    button(page, 0, "Why?").click()
    dialog = page.locator("#look-dialog")
    expect(dialog).not_to_contain_text("of the query alone")
    for which in ("query", "hit"):
        picture = dialog.get_by_alt_text(f"heat map of the {which}")
        enlarge = page.get_by_role("button", name=f"Enlarge the {which}")
        width = picture.bounding_box()["width"]
        enlarge.click()
        expect(enlarge).to_have_attribute("aria-pressed", "true")
        assert picture.bounding_box()["width"] > 2 * width
        frame = enlarge.evaluate("one => [one.parentElement.scrollWidth, one.parentElement.clientWidth]")
        assert frame[0] > frame[1]
        enlarge.click()
        expect(enlarge).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#look-dialog")).to_be_hidden()


def test_all_is_done_by_keys(page, leaves):
    example = page.locator("#look-examples button").nth(1)
    example.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(example).to_be_focused()
    page.keyboard.press("Enter")
    sees(page, leaves.search(f"id:{example.get_attribute('data-id')}", k=SHOWN).ids)
    page.locator(".look-picture").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".look-picture").first).to_be_focused()
    for name in ("More like this", "Good", "Bad", "Why?"):
        page.keyboard.press("Tab")
        expect(button(page, 0, name)).to_be_focused()


def test_a_phone_shows_two_columns_and_nothing_sticks_out(chromium, service):
    phone = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
    with opened(chromium, service.url, **phone, color_scheme="dark") as page:
        for tab in ("Map", "Evaluation", "Duplicates", "Search"):
            page.get_by_role("tab", name=tab).tap()
        page.locator("#look-examples button").first.tap()
        expect(page.locator(".look-hits > li")).to_have_count(SHOWN)
        expect(page.locator(".look-hits > li").first).to_be_in_viewport()
        left, right, below = (page.locator(".look-hits > li").nth(place).bounding_box() for place in range(3))
        assert left["y"] == right["y"] < below["y"]
        tools = [button(page, 0, name).bounding_box()["y"] for name in ("Good", "Bad", "Why?")]
        assert len(set(tools)) == 1
        # the end of a name tells it from others
        for place in range(SHOWN):
            card = page.locator(".look-hits > li").nth(place)
            end = card.locator("p b span").last
            assert end.inner_text() == (card.locator("p b").get_attribute("title"))[-len(end.inner_text()) :]
            assert end.evaluate("one => one.scrollWidth <= one.clientWidth")
            edges = [one.evaluate("one => one.getBoundingClientRect().right") for one in (end, card)]
            assert edges[0] <= edges[1]
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.locator(".look-picture").first.tap()
        expect(page.locator("#look-dialog img")).to_be_visible()
        box = page.locator("#look-dialog").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        page.get_by_role("button", name="Close").tap()
        button(page, 0, "Why?").tap()
        query, hit = (
            page.locator("#look-dialog").get_by_alt_text(f"heat map of the {which}") for which in ("query", "hit")
        )
        expect(hit).to_be_attached()
        first, second = query.bounding_box(), hit.bounding_box()
        assert first["width"] == second["width"] > 300
        assert first["y"] + first["height"] < second["y"]
        page.get_by_role("button", name="Enlarge the query").tap()
        expect(page.get_by_role("button", name="Enlarge the query")).to_have_attribute("aria-pressed", "true")
        assert query.bounding_box()["width"] > 800
        assert page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_light_or_dark_as_the_system_is(chromium, service, scheme):
    with opened(chromium, service.url, color_scheme=scheme) as page:
        page.locator("#look-examples button").first.click()
        card = page.locator(".look-hits > li").first
        expect(card).to_be_visible()
        for element in (page.locator("body"), card):
            colours = element.evaluate("one => [getComputedStyle(one).backgroundColor, getComputedStyle(one).color]")
            ground, letters = (sum(map(float, colour[colour.index("(") + 1 : -1].split(",")[:3])) for colour in colours)
            assert (ground > letters) == (scheme == "light")


def test_mistakes_are_told_in_a_sentence(page, tmp_path):
    page.locator("#look-go").click()
    message = page.get_by_role("alert")
    expect(message).to_have_text("There is nothing to search for yet; choose a picture or an example.")


def test_a_picture_that_cannot_be_read_is_told_of_at_once(page, leaves, leaf, tmp_path):
    (tmp_path / "broken.png").write_bytes(png(1)[:40])
    upload = page.locator("#look-query input[type=file]")
    upload.set_input_files(tmp_path / "broken.png")
    message = page.locator("#look-unreadable").get_by_role("alert")
    expect(message).to_contain_text("This file cannot be searched with")
    expect(page.locator("#look-query img")).to_be_hidden()
    expect(page.locator("#look-region")).to_be_hidden()
    page.locator("#look-go").click()
    expect(page.locator("#look-status").get_by_role("alert")).to_be_visible()
    page.get_by_label("Remove Image").click()
    expect(message).to_have_count(0)
    ask(page, leaf)
    sees(page, leaves.search(leaf, k=SHOWN).ids)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_another_gallery_is_chosen(chromium, leaves, tmp_path):
    toys = toy_gallery(tmp_path)
    with serving(leaves=leaves, toys=toys) as service, opened(chromium, service.url) as page:
        page.locator("#look-examples button").first.click()
        expect(page.locator(".look-hits > li")).to_have_count(SHOWN)
        page.locator("#look-gallery input").click()
        page.get_by_role("option", name="toys").click()
        expect(page.locator("#look-head")).to_contain_text("toys, 12 images")
        expect(page.locator(".look-hits")).to_have_count(0)
        example = page.locator("#look-examples button[data-id^='photos/00']").first
        example.click()
        sees(page, toys.search(f"id:{example.get_attribute('data-id')}", k=SHOWN).ids)


def test_a_browser_is_asked_for_the_key(chromium, leaves, leaf):
    with serving(ServerOptions(api_key=KEY), leaves=leaves) as service:
        credentials = {"username": "me", "password": KEY}
        with opened(chromium, service.url, http_credentials=credentials) as page:
            ask(page, leaf)
            sees(page, leaves.search(leaf, k=SHOWN).ids)
