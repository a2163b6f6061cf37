"""Who may see and do what: every address, for everybody there is. What another team has is not there at all."""

import uuid
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.models import Permission
from django.http import HttpResponseBase
from django.test import Client, TestCase
from django.urls import URLPattern, URLResolver, get_resolver

from generations.lifecycle.files import path_of
from generations.models import (
    CatalogNotice,
    Drift,
    Failure,
    Gateway,
    Generation,
    Membership,
    Prompt,
    Status,
    Team,
    Upload,
    User,
)
from tests.factories import alice, bob, carol, make_gateway, make_generation, make_user
from tests.pages import picture, read

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/generations/?q=fox"}
OPEN = (
    {"healthz", "readyz", "account_login", "account_logout", "account_signup", "account_inactive"}
    | {f"account_reset_password{rest}" for rest in ("", "_done", "_from_key", "_from_key_done")}
    | {f"generations:shared{rest}" for rest in ("", "-video", "-poster")}
    | {"generations:language"}
)
# Pages of the studio, by how they are asked for, and what a member of the team is answered.
PAGES = (
    {
        name: 200
        for name in (
            "studio",
            "library",
            "prompts",
            "queue",
            "desk",
            "models",
            "live",
            "price",
            "costs",
            "costs-export",
        )
    }
    | {"trash": 200, "projects": 200, "tokens": 200, "api-docs": 200, "export-csv": 200, "export-json": 200}
    | {
        "compare": 200,
        "comparisons": 200,
        "several": 200,
        "batch": 200,
        "presets": 200,
    }
)
LISTS = ("/", "/generations/", "/prompts/", "/queue/", "/queue/unknown/", "/models/", "/trash/", "/projects/")
LISTS = (*LISTS, "/compare/", "/comparisons/", "/several/", "/several/batch/", "/presets/")
FOR_PROGRAMS = {"tokens": "/account/tokens/", "api-docs": "/docs/api/"}
MONEY = ("/live/", "/price/", "/costs/", "/costs/?by=prompt", "/costs/export/")
EXPORTS = ("/generations/export.csv", "/generations/export.json", "/generations/export.json?lines=1")
OF_ONE = {"detail": 200, "record": 200, "video": 200, "poster": 200, "preview": 200} | {
    "provenance": 200,
    "provenance-record": 200,
}
# What is marked and done in the library: tests/test_marks.py and tests/test_bulk.py say who may.
MARKS = {"star", "rate", "tag", "move", "pin", "delete"}
LIBRARY = MARKS | {"bulk", "restore", "undo", "save-view", "forget-view", "change-project", "change-tag"}
# What is made at once, prompts and presets: test_copies, _several and _prompt_history say who may.
MAKING = {"retry", "preset", "delete-preset", "group", "prompt", "recall", "similar"}
# Who may do what around the player, and what is open to anybody with a link: test_compare, _comments and _sharing.
WATCHING = {
    "compare-vote",
    "comment",
    "comment-change",
    "share",
    "share-revoke",
    "shared",
    "shared-video",
    "shared-poster",
}
ACTIONS = {"cancel": 302, "ask": 302}
OF_GATEWAYS = {"resume", "fetch-list", "forget-drift", "dismiss"}
OF_WEBHOOKS = {"webhooks", "webhook"} | {
    f"webhook-{name}" for name in ("change", "test", "secret", "rotate", "enable", "disable", "delete", "resend")
}
DECISIONS = ("attach", "not-created", "send-again")
OPERATORS = ("olga", "root")


def patterns(resolver: URLResolver | None = None, namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield every named address of the site as (namespace:name, pattern)."""
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from patterns(entry, entry.namespace or namespace)
        else:
            yield f"{namespace}:{entry.name}" if namespace else str(entry.name), entry


class AccessTestCase(TestCase):
    """alice has a ready generation and an upload; bob is of her team, carol of another; olga is an operator of hers."""

    @classmethod
    def setUpTestData(cls) -> None:
        make_gateway()
        cls.people = {"alice": alice(), "bob": bob(), "carol": carol()}
        cls.people["olga"] = make_user("olga", is_staff=True)
        cls.people["root"] = make_user("root", is_staff=True, is_superuser=True)
        cls.people["olga"].user_permissions.add(Permission.objects.get(codename="send_again"))
        cls.ready = make_generation(Status.COMPLETED, prompt="A hidden fox")
        name = cls.ready.file
        poster, preview = name.replace(".mp4", ".webp"), name.replace(".mp4", ".preview.mp4")
        Generation.objects.filter(pk=cls.ready.pk).update(poster=poster, preview=preview)
        cls.ready.refresh_from_db()
        path_of(poster).write_bytes(b"RIFF")
        path_of(preview).write_bytes(b"ftyp")

    def sign_in(self, name: str) -> None:
        self.client.logout()
        if name:
            self.client.force_login(self.people[name])

    def path(self, name: str, row: Generation) -> str:
        if name in {"attach", "not-created", "send-again"}:
            return f"/queue/unknown/{row.uuid}/{name}/"
        return {
            "detail": f"/generations/{row.uuid}/",
            "record": f"/generations/{row.uuid}.json",
            "provenance-record": f"/generations/{row.uuid}/provenance.json",
        }.get(name, f"/generations/{row.uuid}/{name}/")


class EveryAddressTests(AccessTestCase):
    def test_every_address_of_the_studio_is_in_the_matrix_below(self):
        names = {name.partition(":")[2] for name, _ in patterns() if name.startswith("generations:")}
        self.assertEqual(
            names,
            PAGES.keys()
            | OF_ONE.keys()
            | ACTIONS.keys()
            | LIBRARY
            | MAKING
            | {
                *DECISIONS,
                "theme",
                "language",
                "upload",
                "gateways",
                "revoke-token",
                *FOR_PROGRAMS,
                *OF_GATEWAYS,
                *WATCHING,
            }
            | OF_WEBHOOKS,  # tests/test_webhooks_page.py
        )

    def test_only_health_the_sandbox_and_the_way_in_are_open(self):
        found = set()
        for name, pattern in patterns():
            required = getattr(pattern.callback, "login_required", True)
            if not required and not name.startswith("admin:") and "sandbox" not in pattern.callback.__module__:
                found.add(name)
        self.assertEqual(found, OPEN)

    def test_what_the_admin_leaves_open_shows_nothing(self):
        for name, pattern in patterns():
            if name.startswith("admin:") and not getattr(pattern.callback, "login_required", True):
                self.assertIn(name, {"admin:login", "admin:jsi18n"})


class MatrixTests(AccessTestCase):
    def test_pages(self):
        for path in (*LISTS, *MONEY, *FOR_PROGRAMS.values(), *EXPORTS):
            for name in self.people:
                with self.subTest(path, name=name):
                    self.sign_in(name)
                    response = self.client.get(path)
                    self.assertEqual(response.status_code, 200)
                    if name == "carol":
                        self.assertNotContains(response, "hidden fox")
                        self.assertNotContains(response, self.ready.uuid.hex[:8])
                    elif path in {"/costs/?by=prompt", "/costs/export/", *EXPORTS}:
                        self.assertContains(response, "A hidden fox")

    def test_one_generation_and_its_files(self):
        for name, expected in OF_ONE.items():
            for person in self.people:
                for method in ("get", "head"):
                    with self.subTest(name, person=person, method=method):
                        self.sign_in(person)
                        response = getattr(self.client, method)(self.path(name, self.ready))
                        self.assertEqual(response.status_code, 404 if person == "carol" else expected)

    def test_an_upload(self):
        self.sign_in("alice")
        self.client.post("/", {"model": "veo/veo3.1", "prompt": "", "input_reference": picture()})
        path = Upload.objects.get().get_absolute_url()
        for person in self.people:
            with self.subTest(person):
                self.sign_in(person)
                self.assertEqual(self.client.get(path).status_code, 404 if person == "carol" else 200)

    def test_actions(self):
        for name, expected in ACTIONS.items():
            for person in self.people:
                with self.subTest(name, person=person):
                    row = (
                        make_generation()
                        if name == "cancel"
                        else make_generation(Status.FAILED, failure=Failure.EXPIRED)
                    )
                    self.sign_in(person)
                    response = self.client.post(self.path(name, row))
                    self.assertEqual(response.status_code, 404 if person == "carol" else expected)
                    moved = Generation.objects.get(pk=row.pk).status != row.status
                    self.assertEqual(moved, person != "carol")

    def test_decisions_need_a_permission_and_the_team(self):
        for name in DECISIONS:
            for person in self.people:
                with self.subTest(name, person=person):
                    row = make_generation(Status.UNKNOWN)
                    self.sign_in(person)
                    response = self.client.post(self.path(name, row), {"typed": "no", "upstream_id": "", "attempt": 1})
                    self.assertEqual(response.status_code in {302, 422}, person in OPERATORS, response.status_code)
                    if person not in OPERATORS:
                        self.assertIn(response.status_code, {403, 404})
                        self.assertEqual(Generation.objects.get(pk=row.pk).status, Status.UNKNOWN)

    def test_gateways_are_for_operators(self):
        gateway = Gateway.objects.get()
        for person in ("alice", "carol", "olga", "root"):
            with self.subTest(person):
                gateway.pause("401")
                self.sign_in(person)
                response = self.client.post(f"/gateways/{gateway.pk}/resume/", {"next": "nonsense"})
                self.assertEqual(response.status_code, 302 if person in OPERATORS else 403)
                gateway.refresh_from_db()
                self.assertEqual(gateway.is_paused, person not in OPERATORS)
        self.assertEqual(self.client.post("/gateways/99999/resume/").status_code, 404)

    def test_what_changed_at_gateways_is_for_operators(self):
        gateway = Gateway.objects.get()
        Gateway.objects.update(lists_models=True)
        for person in ("alice", "carol", *OPERATORS):
            upstream_id = f"new-for-{person}"
            notice = CatalogNotice.objects.create(gateway=gateway, kind="new", upstream_id=upstream_id, words="New.")
            allowed = person in OPERATORS
            self.sign_in(person)
            self.assertEqual(self.client.get("/gateways/").status_code, 200 if allowed else 403)
            Drift.objects.get_or_create(gateway=gateway, kind="word", what="warming_up")
            for path in (f"{gateway.pk}/list/", f"{gateway.pk}/forget/", f"notices/{notice.pk}/dismiss/"):
                with self.subTest(path, person=person):
                    self.assertEqual(self.client.get(f"/gateways/{path}").status_code, 405)
                    response = self.client.post(f"/gateways/{path}")
                    self.assertEqual(response.status_code, 302 if allowed else 403)
            self.assertEqual(Drift.objects.exists(), not allowed)
            notice.refresh_from_db()
            self.assertEqual(notice.dismissed_by, self.people[person] if allowed else None)

    def test_an_operator_of_another_team_decides_nothing_here(self):
        Membership.objects.filter(user=self.people["olga"]).update(team=self.people["carol"].team)
        self.sign_in("olga")
        for name in DECISIONS:
            row = make_generation(Status.UNKNOWN)
            sent = {"typed": "may cost twice", "upstream_id": "x", "attempt": 1}
            response = self.client.post(self.path(name, row), sent)
            self.assertEqual(response.status_code, 404)

    def test_filters_and_pages_of_lists_do_not_lead_around(self):
        self.sign_in("carol")
        for query in (
            "q=secret",
            "person=alice",
            f"after={self.ready.pk - 1}",
            f"before={self.ready.pk + 1}",
            "model=wan/wan2.6",
        ):
            with self.subTest(query):
                self.assertNotContains(self.client.get(f"/generations/?{query}"), self.ready.uuid)
                self.assertNotContains(self.client.get(f"/prompts/?{query}"), "A hidden fox")

    def test_the_composer_does_not_lead_around(self):
        self.sign_in("carol")
        prompt = Prompt.objects.get(text="A hidden fox")
        for query in (f"from={self.ready.uuid}", f"prompt_id={prompt.pk}"):
            self.assertNotContains(self.client.get(f"/?{query}"), "hidden fox")
        self.client.post("/", {"model": "wan/wan2.6", "prompt": "mine", "parent": str(self.ready.uuid)})
        made = Generation.objects.newest().first()
        self.assertEqual((made.created_by, made.parent, made.team.name), (self.people["carol"], None, "Elsewhere"))

    def test_a_parent_that_one_may_not_see_is_not_shown(self):
        child = make_generation(user=self.people["carol"], parent=self.ready, relation="remix")
        self.sign_in("carol")
        self.assertNotContains(self.client.get(child.get_absolute_url()), self.ready.uuid)
        self.assertIsNone(self.client.get(f"/generations/{child.uuid}.json").json()["parent"])

    def test_whoever_leaves_a_team_sees_nothing_of_it_any_more(self):
        self.sign_in("bob")
        self.assertEqual(self.client.get(self.ready.get_absolute_url()).status_code, 200)
        Membership.objects.filter(user=self.people["bob"]).update(team=Team.objects.create(name="New"))
        for name in OF_ONE:
            self.assertEqual(self.client.get(self.path(name, self.ready)).status_code, 404)

    def test_a_member_of_two_teams_sees_each_thing_once(self):
        Membership.objects.create(user=self.people["carol"], team=self.people["alice"].team)
        self.sign_in("carol")
        page = read(self.client.get("/generations/"))
        self.assertEqual(len(page.all("article", id_=f"generation-{self.ready.uuid}")), 1)
        self.assertEqual(len(read(self.client.get("/prompts/")).of_class("prompt-row")), 1)

    def test_what_never_was_is_answered_alike(self):
        self.sign_in("carol")
        nobody = Generation(uuid=uuid.uuid4())
        for name in OF_ONE:
            theirs, none = self.client.get(self.path(name, self.ready)), self.client.get(self.path(name, nobody))
            self.assertEqual((theirs.status_code, none.status_code), (404, 404))
            clean = [
                response.content.replace(str(row.uuid).encode(), b"")
                for response, row in ((theirs, self.ready), (none, nobody))
            ]
            self.assertEqual(clean[0], clean[1])


class AnonymousTests(AccessTestCase):
    PATHS = (
        "/",
        "/generations/",
        "/prompts/",
        "/queue/",
        "/queue/unknown/",
        "/models/",
        "/live/",
        "/price/",
        "/costs/",
        "/costs/export/",
        "/generations/export.csv",
        "/team/webhooks/",
        "/gateways/",
        "/accounts/password/change/",
    )

    def paths(self) -> list[str]:
        return [*self.PATHS, *(self.path(name, self.ready) for name in ("detail", "video", "poster"))]

    def test_pages_lead_to_the_sign_in_and_back(self):
        for path in [*self.paths(), f"/uploads/{uuid.uuid4()}/"]:
            with self.subTest(path):
                response = self.client.get(path, {"q": "fox"})
                self.assertRedirects(response, f"/accounts/login/?next={path}%3Fq%3Dfox", fetch_redirect_response=False)

    def test_htmx_is_told_to_load_the_sign_in_as_a_whole_page(self):
        for path in self.paths():
            if path == "/price/":  # asked by a page itself: tests/test_signing_in.py
                continue
            with self.subTest(path):
                response = self.client.get(path, headers=HTMX)
                self.assertEqual(response.headers["HX-Redirect"], "/accounts/login/?next=/generations/%3Fq%3Dfox")
                self.assertEqual((response.status_code, response.content), (200, b""))

    def test_a_program_that_asks_for_a_record_is_told_401(self):
        response = self.client.get(self.path("record", self.ready))
        self.assertEqual((response.status_code, response.json()), (401, {"detail": "Sign in first."}))

    def test_what_answers_nothing_but_a_post_is_not_the_way_back(self):
        for path in (
            self.path("cancel", self.ready),
            self.path("ask", self.ready),
            "/theme/",
            self.path("attach", self.ready),
        ):
            with self.subTest(path):
                referer = f"http://testserver/generations/{self.ready.uuid}/?x=1"
                response = self.client.post(path, headers={"Referer": referer})
                expected = f"/accounts/login/?next=/generations/{self.ready.uuid}/%3Fx%3D1"
                self.assertRedirects(response, expected, fetch_redirect_response=False)

    def test_the_way_back_is_never_another_site_s(self):
        for header in ("Referer", "HX-Current-URL"):
            for given in (
                "https://evil.example/x",
                "//evil.example/x",
                "http://[",
                "javascript:alert(1)",
                "http://testserver:99999/x",
                "http://testserver@evil.example/",
                "",
                "\\\\evil.example",
                "http://testserver/\\evil.example",
                "x" * 10_000,
            ):
                with self.subTest(given[:30], header=header):
                    response = self.client.post(
                        "/", headers={"HX-Request": "true", header: given} if "HX" in header else {header: given}
                    )
                    leads = response.headers.get("HX-Redirect") or response.headers["Location"]
                    self.assertTrue(leads.startswith("/accounts/login/?next="), leads)
                    self.assertNotIn("evil.example/", leads.replace("%5Cevil", ""))

    def test_nothing_is_made(self):
        self.client.post("/", {"model": "wan/wan2.6", "prompt": "A fox"})
        self.assertEqual(Generation.objects.count(), 1)

    def test_admin_pages_lead_to_the_same_sign_in(self):
        for path in ("/admin/", "/admin/generations/generation/", "/admin/login/"):
            with self.subTest(path):
                response = self.client.get(path, follow=True)
                self.assertEqual(response.request["PATH_INFO"], "/accounts/login/")

    def test_people_who_are_no_operators_are_not_let_into_the_admin(self):
        self.sign_in("alice")
        for path in ("/admin/", "/admin/generations/generation/"):
            response = self.client.get(path, follow=True)
            self.assertContains(response, "This is not for your account", status_code=403)


class HeaderTests(AccessTestCase):
    """What every answer says to browsers."""

    def answers(self) -> Iterator[tuple[str, HttpResponseBase]]:
        self.sign_in("alice")
        for path in (
            "/",
            "/generations/",
            "/costs/",
            "/nonsense/",
            "/admin/",
            "/accounts/password/change/",
            "/healthz",
        ):
            yield path, self.client.get(path)
        self.sign_in("")
        for path in ("/accounts/login/", "/"):
            yield path, self.client.get(path)

    def test_the_policy_allows_nothing_unsafe(self):
        for path, response in self.answers():
            with self.subTest(path):
                policy = response.headers["Content-Security-Policy"]
                self.assertIn("default-src 'none'", policy)
                self.assertIn("frame-ancestors 'none'", policy)
                self.assertNotIn("unsafe", policy)
                self.assertEqual(response.headers["X-Content-Type-Options"], "nosniff")
                self.assertEqual(response.headers["X-Frame-Options"], "DENY")
                self.assertEqual(response.headers["Referrer-Policy"], "same-origin")

    def test_pages_carry_no_inline_script_and_no_inline_style(self):
        for path, response in self.answers():
            if path == "/admin/" or not response.content:
                continue
            with self.subTest(path):
                page = read(response)
                self.assertEqual([script for script in page.all("script") if script.text or not script.get("src")], [])
                self.assertEqual([element.tag for element in page.all() if "style" in element], [])
                self.assertEqual(
                    [name for element in page.all() for name in element.attributes if name.startswith("on")], []
                )


class CsrfTests(AccessTestCase):
    def test_every_post_needs_a_token(self):
        client = Client(enforce_csrf_checks=True)
        client.force_login(self.people["alice"])
        posts: list[tuple[str, dict[str, Any]]] = [
            ("/", {"model": "wan/wan2.6", "prompt": "A fox"}),
            ("/theme/", {"theme": "dark"}),
            ("/language/", {"language": "zh-hans"}),
            ("/accounts/logout/", {}),
            ("/accounts/password/change/", {}),
            *((self.path(name, self.ready), {}) for name in (*ACTIONS, *DECISIONS)),
        ]
        for path, data in posts:
            with self.subTest(path):
                self.assertContains(client.post(path, data), "This page was open for too long", status_code=403)
        self.assertEqual(Generation.objects.count(), 1)

    def test_the_page_s_own_token_passes_in_the_form_and_for_htmx(self):
        client = Client(enforce_csrf_checks=True)
        client.force_login(self.people["alice"])
        page = read(client.get("/"))
        sent = page.one("form", id_="composer").controls() | {"prompt": ["A fox"]}
        self.assertEqual(client.post("/", sent).status_code, 302)
        token = sent.pop("csrfmiddlewaretoken")[0]
        self.assertIn("x-csrftoken", page.one("body")["hx-headers"])
        response = client.post("/", sent | {"form_token": ["2"]}, headers={"HX-Request": "true", "X-CSRFToken": token})
        self.assertEqual(response.status_code, 200)


class AccountTests(AccessTestCase):
    def test_a_deactivated_account_stops_at_once(self):
        self.sign_in("bob")
        User.objects.filter(username="bob").update(is_active=False)
        self.assertEqual(self.client.get("/").status_code, 302)
        self.assertEqual(self.client.get("/live/", headers=HTMX).headers["HX-Redirect"][:16], "/accounts/login/")
        self.assertEqual(self.client.get(self.path("record", self.ready)).status_code, 401)
        self.assertEqual(self.client.get(self.path("video", self.ready)).status_code, 302)
        self.client.post("/", {"model": "wan/wan2.6", "prompt": "A fox"})
        self.assertEqual(Generation.objects.count(), 1)
