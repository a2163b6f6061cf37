"""Models that are retired, switched off or on, hidden, or a team's first choice."""

from django.test import TestCase

from generations.forms import choosable_models
from generations.models import Gateway, Generation, ModelSwitch, Status
from tests.factories import alice, bob, carol, make_gateway, make_generation, make_user
from tests.pages import read
from tests.test_access import HTMX

WAN, VEO, VEO_FAST, SORA = "wan/wan2.6", "veo/veo3.1", "veo/veo3.1-fast", "sora/sora-2"


def switch(key: str, position: str = ModelSwitch.Position.CATALOGUE, **fields) -> ModelSwitch:
    return ModelSwitch.objects.create(model_key=key, position=position, **fields)


class SwitchTestCase(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        make_gateway()

    def setUp(self) -> None:
        self.client.force_login(alice())

    def post(self, model: str, **fields):
        return self.client.post("/", {"model": model, "prompt": "A fox", **fields})

    def choices(self) -> list[str]:
        page = read(self.client.get("/"))
        return [option["value"] for option in page.one("select", name="model").all("option")]

    def keys(self) -> list[str]:
        return [model.key for model in choosable_models()]


class RetiredTests(SwitchTestCase):
    def test_it_cannot_be_chosen_and_the_answer_names_its_date_and_successor(self):
        self.assertNotIn(SORA, self.keys())
        self.assertNotIn(SORA, self.choices())
        answer = self.post(SORA)
        sentence = "Sora 2 is retired since 2026-09-24. Veo 3.1 Fast succeeds it."
        self.assertContains(answer, sentence, status_code=422)
        self.assertFalse(Generation.objects.exists())

    def test_history_still_reads_it_and_offers_a_remix_on_its_successor(self):
        made = make_generation(Status.COMPLETED, model=SORA, options={"seconds": 12})
        page = read(self.client.get(made.get_absolute_url()))
        self.assertIn("Sora 2", page.text)
        [link] = [link for link in page.all("a") if "Remix on Veo 3.1 Fast" in link.text]
        composer = read(self.client.get(link["href"]))
        self.assertIn("Sora 2 cannot be chosen any more: Veo 3.1 Fast takes its place.", composer.text)
        sent = composer.one("form", id_="composer").controls()
        self.assertEqual((sent["model"], sent["seconds"], sent["size"]), ([VEO_FAST], ["8"], ["720x1280"]))
        self.assertEqual(self.client.post("/", sent).status_code, 302)
        child = made.children.get()
        self.assertEqual((child.model_key, child.relation), (VEO_FAST, Generation.Relation.REMIX))

    def test_where_the_successor_is_not_offered_the_usual_model_takes_its_place(self):
        made = make_generation(Status.COMPLETED, model=SORA)
        Gateway.objects.update(offers=["wan/wan2.6"])
        page = self.client.get("/", {"from": str(made.uuid)})
        self.assertContains(page, "Sora 2 cannot be chosen any more: Wan 2.6 takes its place.")

    def test_other_models_are_used_again_as_ever(self):
        made = make_generation(Status.COMPLETED, model=VEO)
        self.assertContains(self.client.get(made.get_absolute_url()), "Use again")

    def test_the_models_page_says_since_when_and_leads_on(self):
        page = read(self.client.get("/models/"))
        [section] = [found for found in page.all("section") if found.one("h2").text == "Sora 2"]
        self.assertIn("retired since 2026-09-24", section.text)
        self.assertEqual([link["href"] for link in section.all("a")], ["/?model=veo%2Fveo3.1-fast"])

    def test_an_operator_can_switch_it_on_all_the_same(self):
        switch(SORA, ModelSwitch.Position.ON)
        self.assertIn(SORA, self.keys())
        self.assertEqual(self.post(SORA).status_code, 302)

    def test_one_that_is_switched_on_is_used_again_itself(self):
        made = make_generation(Status.COMPLETED, model=SORA)
        for page in (made.get_absolute_url(), "/"):
            self.assertContains(self.client.get(page), "Remix on Veo 3.1 Fast")
        switch(SORA, ModelSwitch.Position.ON)
        for page in (made.get_absolute_url(), "/"):
            with self.subTest(page):
                answer = self.client.get(page)
                self.assertContains(answer, "Use again")
                self.assertNotContains(answer, "Remix on")


class OffTests(SwitchTestCase):
    def test_nobody_can_choose_it_and_the_answer_says_why(self):
        switch(WAN, ModelSwitch.Position.OFF, reason="Colours are wrong since Monday.")
        self.assertNotIn(WAN, self.keys())
        self.assertNotIn(WAN, self.choices())
        answer = self.post(WAN)
        self.assertContains(answer, "Wan 2.6 is switched off: Colours are wrong since Monday.", status_code=422)
        self.assertContains(self.client.get("/models/"), "Colours are wrong since Monday.")

    def test_the_composer_cannot_be_sent_with_it_and_says_so_in_a_sentence(self):
        switch(WAN, ModelSwitch.Position.OFF, reason="too dear")
        page = read(self.client.get("/", {"model": WAN}))
        self.assertIn("disabled", page.one(id_="generate"))
        sentence = "Wan 2.6 is switched off: too dear. Choose another model."
        self.assertEqual(page.one(role="alert").text, sentence)
        answer = read(self.post(WAN))
        self.assertEqual(answer.of_class("error")[0].text, sentence)
        self.assertIn("disabled", answer.one(id_="generate"))
        switched = read(self.client.get("/", {"model": VEO, "was": WAN}, headers=HTMX))
        self.assertNotIn("disabled", switched.one(id_="generate"))
        self.assertEqual(switched.one(id_="generate")["hx-swap-oob"], "true")
        stopped = read(self.client.get("/", {"model": WAN, "was": VEO}, headers=HTMX))
        self.assertIn("disabled", stopped.one(id_="generate"))

    def test_what_is_on_its_way_goes_on(self):
        made = make_generation(Status.QUEUED, model=WAN)
        switch(WAN, ModelSwitch.Position.OFF)
        made.refresh_from_db()
        self.assertEqual(made.status, Status.QUEUED)

    def test_one_that_follows_the_catalogue_is_as_it_was(self):
        before = self.keys()
        switch(WAN)
        self.assertEqual(self.keys(), before)

    def test_the_sandbox_does_not_serve_it_either(self):
        Gateway.objects.update(enabled=False)
        make_gateway("sandbox", key_source=Gateway.KeySource.SANDBOX, key="", base_url="")
        self.assertIn(WAN, self.keys())
        switch(WAN, ModelSwitch.Position.OFF)
        self.assertNotIn(WAN, self.keys())
        self.assertEqual(self.post(WAN).status_code, 422)


class HiddenTests(SwitchTestCase):
    def test_it_stands_in_no_list_and_serves_whoever_names_it(self):
        switch(WAN, is_hidden=True)
        self.assertNotIn(WAN, self.choices())
        self.assertNotIn("Wan 2.6 ", [h2.text + " " for h2 in read(self.client.get("/models/")).all("h2")])
        self.assertEqual(self.post(WAN).status_code, 302)

    def test_whoever_named_it_sees_it_chosen(self):
        switch(WAN, is_hidden=True)
        page = read(self.client.get("/", {"model": WAN}))
        self.assertEqual(page.one("form", id_="composer").controls()["model"], [WAN])


class DefaultTests(SwitchTestCase):
    def begins_with(self) -> str:
        return read(self.client.get("/")).one("form", id_="composer").controls()["model"][0]

    def test_a_team_s_default_is_what_a_newcomer_begins_with(self):
        self.assertEqual(self.begins_with(), VEO_FAST)
        team = alice().team
        team.default_model = VEO
        team.save()
        self.assertEqual(self.begins_with(), VEO)
        self.client.force_login(carol())
        self.assertEqual(self.begins_with(), VEO_FAST)

    def test_what_one_used_last_goes_before_it(self):
        team = alice().team
        team.default_model = VEO
        team.save()
        make_generation(model=WAN)
        make_generation(model=VEO_FAST, user=bob())
        self.assertEqual(self.begins_with(), WAN)

    def test_one_that_cannot_be_chosen_is_passed_over(self):
        team = alice().team
        team.default_model = WAN
        team.save()
        switch(WAN, ModelSwitch.Position.OFF)
        self.assertEqual(self.begins_with(), VEO_FAST)


class AdminTests(SwitchTestCase):
    def test_an_operator_switches_hides_and_presets_in_the_admin(self):
        self.client.force_login(make_user("root", is_staff=True, is_superuser=True))
        fields = {"model_key": WAN, "position": "off", "is_hidden": "on", "reason": "Too slow"}
        response = self.client.post("/admin/generations/modelswitch/add/", fields)
        self.assertEqual(response.status_code, 302, response.content)
        made = ModelSwitch.objects.get()
        self.assertEqual((made.model_key, made.position, made.is_hidden), (WAN, "off", True))
        self.assertContains(self.client.get("/admin/generations/modelswitch/"), "Too slow")
        changed = self.client.post(
            f"/admin/generations/modelswitch/{made.pk}/change/", {"position": "on", "reason": ""}
        )
        self.assertEqual(changed.status_code, 302)
        made.refresh_from_db()
        self.assertEqual((made.model_key, made.position, made.is_hidden), (WAN, "on", False))
        team = alice().team
        inline = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
        fields = {"name": team.name, "default_model": VEO, **inline}
        self.assertEqual(self.client.post(f"/admin/generations/team/{team.pk}/change/", fields).status_code, 302)
        team.refresh_from_db()
        self.assertEqual(team.default_model, VEO)

    def test_a_model_nobody_knows_is_refused(self):
        self.client.force_login(make_user("root", is_staff=True, is_superuser=True))
        fields = {"model_key": "gone/model", "position": "off"}
        self.assertEqual(self.client.post("/admin/generations/modelswitch/add/", fields).status_code, 200)
        self.assertFalse(ModelSwitch.objects.exists())
