"""What somebody does on the page."""

from __future__ import annotations

from contextlib import contextmanager

from playwright.sync_api import expect

expect.set_options(timeout=60_000)


@contextmanager
def opened(browser, url, **context):
    """Open the page, and see that it asks nobody else and that nothing in it fails."""
    with browser.new_context(reduced_motion="reduce", **context) as session:
        page = session.new_page()
        troubles, elsewhere = [], []
        page.on("console", lambda message: message.type == "error" and troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda request: request.url.startswith(("http", "ws")) and elsewhere.append(request.url))
        page.set_default_timeout(60_000)
        page.goto(url)
        expect(page.locator("#look-examples button").first).to_be_visible()
        yield page
        assert troubles == []
        assert [address for address in elsewhere if not address.startswith(url)] == []


def choose(page, path):
    """Upload a picture."""
    page.locator("#look-query input[type=file]").set_input_files(path)
    taken(page)


def taken(page):
    """Wait until the page has a picture, from wherever."""
    expect(page.locator("#look-query img")).to_be_attached()
    expect(page.locator("#look-region")).to_be_visible()


def ask(page, path):
    choose(page, path)
    page.locator("#look-go").click()


def sees(page, ids):
    """Wait until the hits are these, in order."""
    page.wait_for_function(
        "ids => JSON.stringify([...document.querySelectorAll('.look-hits [data-do=more]')].map(one => one.dataset.id))"
        " === JSON.stringify(ids)",
        arg=ids,
    )


def button(page, place, name):
    return page.locator(".look-hits > li").nth(place).get_by_role("button", name=name, exact=True)


def options(page):
    page.locator("#look-options").get_by_role("button", name="Options").first.click()


def more_options(page):
    page.get_by_role("button", name="More options").click()


def pick(page, control, name):
    """Choose from a list."""
    page.locator(f"{control} input").blur()
    page.locator(f"{control} input").click()
    page.get_by_role("option", name=name, exact=True).click()
