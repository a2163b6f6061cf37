"""Nothing of ours is left in English on a Chinese page: texts that stand there are translated, or they are data."""

import re

from django.contrib.auth.models import Permission
from django.test import TestCase
from django.utils import translation

from generations.catalog import catalog
from generations.models import Comment, Event, Membership, Preset, Project, Status, Tag
from tests.factories import alice, make_gateway, make_generation
from tests.pages import Element, read

CHINESE = {"Accept-Language": "zh-CN"}
SPOKEN = ("aria-label", "placeholder", "title", "alt", "data-said", "data-label")
SILENT = frozenset({"script", "style", "code", "pre", "kbd", "svg"})
WORD = re.compile(r"[A-Za-z]{2,}")
# Names, units and formats that are the same in every language.
SAME = re.compile(
    r"https?://\S*|docs/\S*|\{\w+\}|2xx|\b(https|VideoStudio|Standard Webhooks|Webhooks?|OpenAPI|OpenAI|API|CSV|JSON|"
    r"UTC|USD|SHA|HTTP|fps|MB|KB|GB|English|ID|Id|Slack|Discord|Mattermost|Ctrl|Enter|Alt|Esc|AI|token|Python|JavaScript|"
    r"Node|fetch|curl|s|ok|xx)\b"
)

PROGRAMS = (
    "after limit order variant video thumbnail spritesheet URL manage Schema new api data URI client prompt model Node"
)


def texts(element: Element) -> list[str]:
    """Return what an element says to the eye and to a screen reader, code and the choice of languages apart."""
    found = [element.get(name) for name in SPOKEN if element.get(name)]
    for piece in element.pieces:
        if isinstance(piece, str):
            found.append(piece)
        elif piece.tag not in SILENT and "lang" not in piece:
            found += texts(piece)
    return [" ".join(text.split()) for text in found if text.strip()]


def data_words() -> set[str]:
    """Return the words of what is data: names, keys and sources of models, and what the rows below are made of."""
    found = {"alice", "factory", "fake", "Studio", "nobody", "knows", "place", *PROGRAMS.split()}
    for model in catalog().models:
        names = [model.key, model.label, model.maker, model.dialect, model.upstream_id, model.source]
        for option in model.options:
            names += [option.name, *map(str, getattr(option, "values", ())), *getattr(option, "types", ())]
            names += [kind.upper() for kind in getattr(option, "types", ())]
        found.update(word for name in names for word in WORD.findall(name))
    return found


class ChinesePagesTests(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        make_gateway()
        cls.alice = alice()
        cls.alice.is_staff = True
        cls.alice.save()
        cls.alice.user_permissions.set(Permission.objects.all())
        Membership.objects.update(role=Membership.Role.MANAGER)
        team = cls.alice.team
        cls.rows = {
            status: make_generation(status, prompt="雪地里的狐狸", detail="", created_by=cls.alice) for status in Status
        }
        ready = cls.rows[Status.COMPLETED]
        cls.project = Project.objects.create(team=team, name="秋季", created_by=cls.alice)
        Tag.objects.create(team=team, name="夜晚")
        cls.preset = Preset.objects.create(team=team, name="航拍", text="航拍 {place}", created_by=cls.alice)
        Event.objects.update(reason="finished upstream", actor="poller")
        Comment.objects.create(generation=ready, person=cls.alice, text="好", at_seconds=1)

    def setUp(self) -> None:
        self.addCleanup(translation.deactivate)
        self.allowed = data_words()

    def pages(self) -> list[str]:
        of_rows = [f"/generations/{row.uuid}/" for row in self.rows.values()]
        ready = self.rows[Status.COMPLETED]
        return [
            *("/", "/?model=nobody/knows", "/generations/", "/generations/?q=xx&status=failed&rating=3", "/prompts/"),
            *("/models/", "/costs/", "/costs/?by=model", "/queue/", "/queue/unknown/", "/gateways/", "/team/webhooks/"),
            *("/projects/", "/presets/", self.preset.get_absolute_url(), "/trash/", "/compare/", "/comparisons/"),
            *(
                f"/compare/?v={ready.uuid}",
                ready.prompt.get_absolute_url(),
                "/several/",
                "/several/batch/",
                "/account/tokens/",
                "/several/batch/",
            ),
            *(
                f"/generations/{ready.uuid}/provenance/",
                "/accounts/password/change/",
                "/accounts/logout/",
                "/docs/api/",
            ),
            *of_rows,
        ]

    def leftovers(self, path: str) -> list[str]:
        response = self.client.get(path, headers=CHINESE)
        self.assertEqual(response.status_code, 200, path)
        page = read(response)
        self.assertEqual(page.one("html")["lang"], "zh-hans")
        said = texts(page.one("body")) + texts(page.one("title"))
        self.assertRegex("".join(said), "[一-鿿]")
        return [text for text in said if set(WORD.findall(SAME.sub(" ", text))) - self.allowed]

    def test_every_page_of_the_studio_is_chinese(self):
        self.client.force_login(self.alice)
        for path in self.pages():
            with self.subTest(path):
                self.assertEqual(self.leftovers(path), [])

    def test_every_page_before_signing_in_is_chinese(self):
        for path in ("login/", "signup/", "inactive/", "password/reset/", "password/reset/done/"):
            with self.subTest(path):
                self.assertEqual(self.leftovers(f"/accounts/{path}"), [])
