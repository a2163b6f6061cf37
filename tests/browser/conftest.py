"""A whole studio with its sandbox, a real Chromium, and people to visit the one with the other."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, sync_playwright

from tests.processes import wait_for
from tests.services.studio import PASSWORD, Studio

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# alice and bob are in the first account's team, carol is alone in another.
PEOPLE = """
from generations.models import Membership, Team, User
for name in ("alice", "bob", "carol"):
    User.objects.create_user(name, password={password!r})
Membership.objects.filter(user__username="carol").delete()
Membership.objects.create(user=User.objects.get(username="carol"), team=Team.objects.create(name="Elsewhere"))
"""
SMALL = {"model": "wan/wan2.5-t2v-preview", "duration": "5", "size": "832*480"}
LONG = "A kite over the river, seen from the bridge, with no cut. " * 12 + "unbreakable" * 12
SHOWCASE = {
    "ready": ("A paper boat drifts down a rainy gutter at dusk", {}),
    "tall": ("A diver steps off a tower in slow motion", {"size": "480*832"}),
    "differs": ("A tram glides through a snowy square [other size]", {}),
    "long": (LONG, {}),
    "failed": ("An orchestra of crabs tunes up [fail]", {}),
    "moderated": ("A duel between two umbrellas [moderated]", {}),
    "refused": ("A market of clocks, all wrong [refuse]", {}),
    "unknown": ("A lighthouse keeper loses his letters [lost]", {}),
}
ENDS = {"completed", "failed", "unknown"}

type Visit = Callable[..., Page]


@pytest.fixture(scope="package")
def studio(prepared_studio: Studio) -> Iterator[Studio]:
    with Studio(prepared=prepared_studio, STUDIO_SANDBOX="on") as running:
        running.run("shell", "--no-imports", "--command", PEOPLE.format(password=PASSWORD))
        running.sign_in()
        yield running


@pytest.fixture(scope="package")
def showcase(studio: Studio) -> dict[str, str]:
    """Generations of the first account in every state that stays, by name: their uuids."""
    made = {name: studio.generate(prompt, **SMALL | options) for name, (prompt, options) in SHOWCASE.items()}
    wait_for(
        lambda: all(studio.status(uuid) in ENDS for uuid in made.values()),
        seconds=60,
        why=str({name: studio.status(uuid) for name, uuid in made.items()}),
    )
    return made


@pytest.fixture(scope="package")
def browser(chromium_path: str) -> Iterator[Browser]:
    """For this package alone: while Playwright runs, Django takes the thread for an asynchronous one."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield chromium
        chromium.close()


class People:
    """Who has signed in, each once: sign-ins are limited."""

    def __init__(self, browser: Browser, origin: str) -> None:
        self.browser, self.origin = browser, origin
        self.states: dict[str, StorageState] = {}

    def state(self, person: str) -> StorageState | None:
        """Return the cookies of a person; None for nobody."""
        if person and person not in self.states:
            with self.browser.new_context(base_url=self.origin) as context:
                sign_in(context.new_page(), person)
                self.states[person] = context.storage_state()
        return self.states.get(person)


def sign_in(page: Page, person: str, path: str = "/accounts/login/") -> None:
    """Fill in the sign-in page, and wait until it has let the person in."""
    page.goto(path)
    page.get_by_label("Username").fill(person)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/accounts/login/" not in url)


@pytest.fixture(scope="package")
def people(browser: Browser, studio: Studio) -> People:
    return People(browser, f"http://127.0.0.1:{studio.port}")


class Complaints:
    """What pages complained of: console errors, exceptions, violations of the content security policy."""

    LISTENER = """addEventListener("securitypolicyviolation", (event) =>
        console.error(`violates ${event.effectiveDirective}: ${event.blockedURI} ${event.sample}`))"""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.contexts: list[BrowserContext] = []

    def listen(self, context: BrowserContext) -> None:
        self.contexts.append(context)
        context.add_init_script(self.LISTENER)
        context.on("console", lambda message: message.type == "error" and self.note(message.page, message.text))
        context.on("weberror", lambda error: self.note(error.page, str(error.error)))

    def note(self, page: Page | None, text: str) -> None:
        self.heard.append(f"{page.url if page else ''}: {text}")

    def expect(self, words: str) -> None:
        """Wait for what a test provoked and take it away; Chromium logs every answer from 400 on."""
        for _ in range(50):
            if any(words in line for line in self.heard):
                break
            self.contexts[-1].pages[0].wait_for_timeout(100)
        assert any(words in line for line in self.heard), f"nothing complained of {words}: {self.heard}"
        self.heard = [line for line in self.heard if words not in line]


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
def visit(people: People, complaints: Complaints) -> Iterator[Visit]:
    """`visit("alice", width=360)` opens a window of her own, signed in; "" for nobody. No page may complain."""
    contexts: list[BrowserContext] = []

    def open_window(person: str, *, width: int = 1280, height: int = 900, **options) -> Page:
        options.setdefault("reduced_motion", "reduce")
        state, viewport = people.state(person), {"width": width, "height": height}
        context = people.browser.new_context(
            base_url=people.origin, storage_state=state, viewport=viewport, locale="en-GB", **options
        )
        context.set_default_timeout(15_000)
        complaints.listen(context)
        contexts.append(context)
        return context.new_page()

    yield open_window
    for context in contexts:
        context.close()
    assert complaints.heard == []
