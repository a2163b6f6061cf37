"""What people do on the pages, for tests that are about something else."""

from contextlib import contextmanager
from urllib.parse import quote

from playwright.sync_api import Locator, Page, Request

from tests.services.studio import Studio

SMALL_MODEL = "wan/wan2.5-t2v-preview"
SMALL = {"model": SMALL_MODEL, "duration": "5", "size": "832*480"}
# Renders nothing, so that many of them cost nothing: under way for a minute, then failed.
SLOW = "[slow] [fail]"
# Refused at create: over at once.
REFUSED = "[refuse]"


def compose(page: Page, prompt: str, *, model: str = SMALL_MODEL) -> None:
    """Fill in the composer on the studio page; the options stay as the model has them."""
    choose_model(page, model)
    page.get_by_label("Prompt", exact=True).fill(prompt)


def choose_model(page: Page, key: str) -> None:
    """Choose a model, and wait until its options are there.

    What has just been swapped in listens to nothing for some milliseconds, until it has settled.
    """
    page.wait_for_function("() => !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')")
    with page.expect_response(lambda answer: f"model={quote(key, safe='')}" in answer.url):
        page.get_by_label("Model", exact=True).select_option(key)
    page.locator(f"#options input[name=was][value='{key}']").wait_for(state="attached")


def order(page: Page, prompt: str, **options: str) -> str:
    """Post the composer as the person of `page`, without the page, and return the new generation's uuid."""
    token = next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "csrftoken")
    fields = SMALL | options | {"prompt": prompt, "csrfmiddlewaretoken": token}
    answer = page.request.post("/", multipart=fields, max_redirects=0)
    assert answer.status == 302, answer.text()
    return answer.headers["location"].strip("/").rpartition("/")[2]


def card(page: Page, uuid: str) -> Locator:
    return page.locator(f"#generation-{uuid}")


def first_card(page: Page) -> Locator:
    return page.locator("#feed article").first


def questions(page: Page) -> list[Request]:
    """Return a list that grows with every question of `page` about its cards, from now on."""
    asked: list[Request] = []
    page.on("request", lambda request: "/live/" in request.url and asked.append(request))
    return asked


def hide(page: Page, *, hidden: bool) -> None:
    """Do to a page what a browser does when its tab is left, or shown again."""
    page.evaluate(
        """(hidden) => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


PAUSED = "from generations.models import Gateway; gateway = Gateway.objects.get(name='sandbox'); gateway.{}"


@contextmanager
def paused_gateway(studio: Studio):
    """Keep the gateway paused: nothing is sent and nothing asked, so no card changes."""
    shell = ("shell", "--no-imports", "--command")
    studio.run(*shell, PAUSED.format("pause('Paused by a test.')"))
    try:
        yield
    finally:
        studio.run(*shell, PAUSED.format("resume()"))
