"""The studio's page as people and programs meet it: composing, refusals, tokens, htmx and no JavaScript at all."""

import re
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpResponseBase
from django.test import TestCase
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from generations.catalog import catalog
from generations.models import Gateway, Generation, Status, Upload
from generations.models.experience import known_figures
from generations.views.studio import NEWEST, SECOND, SEEN
from tests.factories import (
    alice,
    bob,
    carol,
    defaults_of,
    make_gateway,
    make_generation,
    make_price,
    needed_options,
)
from tests.pages import Element, picture, read

WAN, WAN_JSON, VEO, VEO_FAST, OMNI = "wan/wan2.6", "wan/wan2.6-t2v", "veo/veo3.1", "veo/veo3.1-fast", "omni/omni-fast"
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}
PAGE = HTMX | {"X-Keep-Form": "1"}  # as the form on the page sends it


class StudioTestCase(TestCase):
    """alice is signed in, and a gateway offers every model."""

    @classmethod
    def setUpTestData(cls) -> None:
        cls.gateway = make_gateway()
        cls.alice = alice()

    def setUp(self) -> None:
        self.client.force_login(self.alice)

    def post(self, *, htmx: bool = False, **fields: Any) -> HttpResponseBase:
        return self.client.post("/", {"model": WAN, "prompt": "A fox", **fields}, headers=HTMX if htmx else {})

    def composer(self, response: HttpResponseBase) -> Element:
        return read(response).one("form", id_="composer")

    def sent(self, response: HttpResponseBase) -> dict[str, list[str]]:
        """What a browser would send of the composer, as it was drawn."""
        return self.composer(response).controls()


class RoundTripTests(StudioTestCase):
    """What is drawn is what is sent back, and what is sent back is what is made."""

    def test_each_model_s_form_as_it_is_drawn_makes_its_defaults(self):
        for model in catalog().choosable():
            with self.subTest(model.key):
                sent = self.sent(self.client.get("/", {"model": model.key}))
                self.assertEqual(sent["model"], [model.key])
                sent["prompt"] = ["A fox"]
                given = needed_options(model)
                response = self.client.post("/", sent | given)
                made = Generation.objects.newest().first()
                self.assertRedirects(response, f"/generations/{made.uuid}/", fetch_redirect_response=False)
                options = {name: value for name, value in made.options.items() if name not in given}
                self.assertEqual((made.model_key, options), (model.key, model.checked(defaults_of(model))))

    def test_every_option_has_a_control_with_a_label(self):
        for model in catalog().choosable():
            page = read(self.client.get("/", {"model": model.key}))
            composer = page.one("form", id_="composer")
            labelled = {label.get("for") for label in composer.all("label")}
            for option in model.options:
                with self.subTest(f"{model.key} {option.name}"):
                    controls = [
                        element for element in composer.all(name=option.name) if element.get("type") != "hidden"
                    ]
                    self.assertTrue(controls)
                    for control in controls:
                        self.assertTrue(control.get("id") in labelled or control.parent.tag == "label", control["id"])

    def test_what_is_typed_comes_back_from_a_refused_form_exactly(self):
        typed = {
            "negative_prompt": ["\n\nno <b>people</b> & “dogs”\n"],
            "audio_url": ['https://example.com/a.mp3?x="1"&y=<2>'],
            "prompt_extend": ["false"],
            "watermark": ["false", "true"],
            "audio": ["false"],
            "duration": ["15"],
            "size": ["1632*1248"],
            "shot_type": ["multi"],
            "seed": ["7"],
            "prompt": ["</textarea><script>alert(1)</script>" + "x" * 6000],
        }
        response = self.post(model=WAN_JSON, **typed)
        self.assertEqual(response.status_code, 422)
        sent = self.sent(response)
        for name, values in typed.items():
            with self.subTest(name):
                self.assertEqual(sent[name], values)
        self.assertNotContains(response, "<script>alert", status_code=422)
        self.assertFalse(Generation.objects.exists())

    def test_an_illegal_choice_stays_until_somebody_chooses(self):
        for model, name, value in ((VEO, "seconds", "5"), (VEO, "size", "1x1"), (OMNI, "aspect_ratio", "2:1")):
            with self.subTest(name):
                response = self.post(model=model, **{name: value})
                self.assertEqual(response.status_code, 422)
                again = self.client.post("/", self.sent(response))
                self.assertEqual(again.status_code, 422)
                self.assertEqual(self.sent(again)[name], [value])

    def test_an_image_survives_a_refusal_and_goes_out_with_the_next_try(self):
        response = self.post(model=VEO, prompt="", input_reference=picture())
        self.assertEqual(response.status_code, 422)
        upload = Upload.objects.get()
        composer = self.composer(response)
        self.assertEqual(composer.one("img")["src"], f"/uploads/{upload.uuid}/")
        self.assertEqual(composer.one("button", name="discard")["value"], "input_reference")
        made = self.client.post("/", self.sent(response) | {"prompt": ["A fox"]})
        self.assertEqual(made.status_code, 302)
        self.assertEqual(Generation.objects.get().inputs.get().upload, upload)

    def test_a_removed_image_is_gone_and_nothing_else(self):
        sent = self.sent(self.post(model=VEO, prompt="", seconds="8", input_reference=picture()))
        response = self.client.post("/", sent | {"prompt": ["A fox"], "discard": ["input_reference"]})
        self.assertEqual(response.status_code, 200)
        after = self.sent(response)
        self.assertNotIn("input_reference", after)
        self.assertEqual((after["prompt"], after["seconds"]), (["A fox"], ["8"]))
        self.assertFalse(Generation.objects.exists())


class RefusalTests(StudioTestCase):
    def test_a_refused_form_is_422_with_its_sentences_in_the_page(self):
        response = self.post(model=VEO, prompt="", seconds="5")
        self.assertEqual(response.status_code, 422)
        page = read(response)
        self.assertEqual(page.one("title").text, "Studio · VideoStudio")
        self.assertEqual(page.one(id_="prompt-error").text, "Write what the video should show.")
        box = page.one("textarea", name="prompt")
        self.assertEqual((box.get("aria-invalid"), box.get("aria-describedby")), ("true", "prompt-error"))
        self.assertEqual(page.one(id_="id_seconds-error").text, "Duration can be 4, 6 or 8 s, not 5.")

    def test_models_that_cannot_be_meant_are_422_with_the_choices(self):
        Gateway.objects.update(offers=["veo", "omni"])
        for given, words in {
            "": "No model was chosen.",
            "nonsense": "There is no model &#x27;nonsense&#x27;.",
            "<script>": "There is no model &#x27;&lt;script&gt;&#x27;.",
            WAN: "No gateway offers Wan 2.6 at the moment.",
        }.items():
            for htmx in (False, True):
                with self.subTest(given, htmx=htmx):
                    response = self.post(model=given, htmx=htmx)
                    self.assertContains(response, words, status_code=422)
                    self.assertContains(response, VEO, status_code=422)
                    self.assertNotContains(response, "<script>alert", status_code=422)
        response = self.client.post("/", {"prompt": "no model at all"})
        self.assertContains(response, "No model was chosen.", status_code=422)
        self.assertFalse(Generation.objects.exists())

    def test_the_select_never_shows_another_model_than_the_options(self):
        Gateway.objects.update(offers=["veo", "omni"])
        composer = self.composer(self.post(model=WAN, seconds="10"))
        self.assertEqual(composer.controls()["model"], [""])
        self.assertEqual((composer.controls()["was"], composer.controls()["seconds"]), ([WAN], ["10"]))
        composer = self.composer(self.post(model="nonsense", seconds="10"))
        self.assertEqual((composer.controls()["model"], composer.controls()["seconds"]), ([""], ["10"]))

    def test_hostile_fields_are_answered_with_a_sentence_and_never_a_trace(self):
        long = "x" * 1_000_000
        for fields in (
            {"prompt": "a\0b"},
            {"prompt": long},
            {"model": long},
            {"seconds": long},
            {"seconds": ["5", "10"]},
            {"seconds": "9" * 4301},
            {"size": "\0"},
            {"form_token": long},
            {"form_token": "\0"},
            {"input_reference": "\0"},
            {"model": VEO, "input_reference": "\0"},
            {"model": VEO, "input_reference": SimpleUploadedFile("x\r\nX-Evil: 1.png", b"%PDF-1.7")},
            {"model": WAN_JSON, "negative_prompt": "\0"},
            {"model": WAN_JSON, "seed": "9" * 4301},
            {"model": WAN_JSON, "audio_url": "https://[/a.mp3"},
        ):
            with self.subTest(str(fields)[:50]):
                response = self.post(**fields)
                self.assertEqual(response.status_code, 422)
                words = [element.text for element in read(response).all() if element.get("role") == "alert"]
                words += [element.text for element in read(response).of_class("error")]
                self.assertTrue(any(words))
                self.assertNotIn("X-Evil", response.headers)
        self.assertFalse(Generation.objects.exists())

    def test_hostile_places_that_mean_nothing_do_no_harm(self):
        for fields in (
            {"parent": "\0"},
            {"was": "\0"},
            {"unknown": "x" * 1_000_000},
            {"switch": "1", "was": "x" * 1_000_000},
            {"undo": "%00&model=%00&seconds=%00"},
            {"undo": "model=" + "x" * 1_000_000},
            {"discard": ["x", "\0"]},
        ):
            with self.subTest(str(fields)[:50]):
                self.assertIn(self.post(**fields).status_code, {200, 302})

    def test_bytes_that_are_no_text_are_taken_for_what_they_look_like(self):
        body = b"model=wan/wan2.6&prompt=%ff%ed%a0%80+fox"
        response = self.client.post("/", body, content_type="application/x-www-form-urlencoded")
        self.assertEqual(response.status_code, 302)
        self.assertIn("\ufffd", Generation.objects.get().prompt.text)

    def test_a_body_that_is_no_form_is_refused_with_a_page(self):
        response = self.client.post("/", b"nonsense", content_type="multipart/form-data")
        self.assertContains(response, "could not be read", status_code=400)
        response = self.client.post("/", b"{}", content_type="application/json")
        self.assertContains(response, "No model was chosen.", status_code=422)

    def test_more_text_than_any_form_takes_is_refused_with_a_page(self):
        response = self.post(prompt="x" * 3_000_000)
        self.assertContains(response, "larger than 2 MB", status_code=413)
        self.assertContains(response, "Then shorten it.", status_code=413)

    def test_more_than_the_largest_image_is_refused_before_it_is_read(self):
        request = {"CONTENT_LENGTH": str(33 * 2**20), "CONTENT_TYPE": "multipart/form-data; boundary=x"}
        response = self.client.generic("POST", "/", b"", **request)
        self.assertContains(response, "larger than 32 MB", status_code=413)
        self.assertContains(response, "Then choose a smaller image.", status_code=413)

    def test_too_many_fields_are_refused_with_a_page(self):
        response = self.post(**{f"x{number}": "1" for number in range(1001)})
        self.assertContains(response, "could not be read", status_code=400)

    def test_other_methods_are_refused(self):
        for method in ("put", "patch", "delete"):
            self.assertEqual(getattr(self.client, method)("/").status_code, 405)
        self.assertEqual(self.client.head("/").status_code, 200)


class MadeTests(StudioTestCase):
    def test_a_program_that_follows_the_contract_gets_302_to_the_generation(self):
        response = self.post(model="wan2.6", seconds="10", size="1088x832")
        made = Generation.objects.get()
        self.assertRedirects(response, f"/generations/{made.uuid}/")
        self.assertEqual((made.status, made.created_by, made.origin), (Status.QUEUED, self.alice, "browser"))
        self.assertEqual(made.options, {"seconds": 10, "size": "1088x832"})
        self.assertEqual(OrmQ.objects.count(), 1)

    def test_the_form_token_rules_without_htmx(self):
        first = self.post(form_token="once")
        again = self.client.post(
            "/", {"model": WAN, "prompt": "A fox\r\n", "form_token": "once", "seconds": "5"}, follow=True
        )
        self.assertEqual(again.redirect_chain, [(first.url, 302)])
        self.assertContains(again, SEEN)
        other = self.client.post("/", {"model": WAN, "prompt": "A hen", "form_token": "once"}, follow=True)
        self.assertNotEqual(other.redirect_chain[0][0], first.url)
        self.assertContains(other, SECOND)
        self.assertEqual(Generation.objects.count(), 2)

    def test_the_same_image_sent_twice_under_one_token_is_one_generation(self):
        for _ in range(2):
            response = self.post(model=VEO, form_token="once", input_reference=picture())
            self.assertEqual(response.status_code, 302)
        self.assertEqual(Generation.objects.count(), 1)

    def test_each_page_has_a_token_of_its_own(self):
        tokens = {self.sent(self.client.get("/"))["form_token"][0] for _ in range(3)}
        self.assertEqual(len(tokens), 3)

    def test_the_sandbox_serves_every_model_when_nobody_else_does(self):
        Gateway.objects.update(enabled=False)
        make_gateway("sandbox", key_source=Gateway.KeySource.SANDBOX, key="", base_url="")
        for model in catalog().choosable():
            with self.subTest(model.key):
                self.assertEqual(self.post(model=model.key, **needed_options(model)).status_code, 302)
        self.assertEqual({row.gateway.name for row in Generation.objects.all()}, {"sandbox"})


class HtmxTests(StudioTestCase):
    def test_a_new_card_comes_with_a_fresh_token_and_the_options(self):
        response = self.post(htmx=True, seconds="10", form_token="once")
        self.assertEqual(response.status_code, 200)
        made = Generation.objects.get()
        page = read(response)
        self.assertFalse(page.all("html"))
        sent = page.one("form", id_="composer").controls()
        self.assertEqual((sent["seconds"], sent["prompt"], sent["model"]), (["10"], ["A fox"], [WAN]))
        self.assertNotEqual(sent["form_token"], ["once"])
        feed = page.one("div", hx_swap_oob="afterbegin:#feed")
        self.assertEqual(feed.one("article", id_=f"generation-{made.uuid}").get("data-status"), "queued")
        self.assertIn("every 2s", page.one(id_="live").get("hx-trigger"))

    def test_the_fresh_form_sends_the_same_again_as_a_new_generation(self):
        sent = self.composer(self.post(htmx=True, model=VEO, input_reference=picture())).controls()
        response = self.client.post("/", sent, headers=HTMX)
        self.assertEqual(response.status_code, 200)
        self.assertEqual(Generation.objects.count(), 2)
        self.assertEqual({row.inputs.get().upload for row in Generation.objects.all()}, {Upload.objects.get()})

    def test_a_form_that_says_nothing_stays_and_gets_a_token_for_the_next(self):
        make_price("0.08")
        shown = self.sent(self.client.get("/", {"model": WAN, "prompt": "A fox", "seconds": "5"}))
        response = self.client.post("/", shown, headers=PAGE)
        made, page = Generation.objects.get(), read(response)
        self.assertEqual(response.headers["HX-Reswap"], "none")
        self.assertFalse(page.all("form", id_="composer"))
        fresh = page.one("div", id_="identity", hx_swap_oob="true").controls()
        self.assertEqual(fresh | {"form_token": []}, {"form_token": [], "parent": [""], "base": [str(made.prompt_id)]})
        page.one("div", hx_swap_oob="afterbegin:#feed").one("article", id_=f"generation-{made.uuid}")
        self.client.post("/", shown | fresh, headers=PAGE)
        self.assertEqual(Generation.objects.count(), 2)

    def test_a_form_that_says_something_or_is_not_true_any_more_comes_anew(self):
        make_price("0.08")
        plain = self.sent(self.client.get("/", {"model": WAN, "prompt": "A fox", "seconds": "5"}))
        veo = self.sent(self.client.get("/", {"model": VEO, "prompt": "A fox"}))
        refused = self.client.post("/", plain | {"prompt": [""]}, headers=HTMX)
        changed = self.client.get("/", {"was": WAN, "model": VEO, "prompt": "A fox", "seconds": "15"})
        for name, sent in (
            ("a refusal stands there", self.sent(refused) | {"prompt": ["A fox"]}),
            ("a change is named", self.sent(changed)),
            ("cheaper by now", plain | {"shown_price": ["0.50 USD"], "form_token": [""]}),
            ("a file is kept", veo | {"input_reference": [picture()]}),
            ("it is no page of ours", plain | {"form_token": [""]}),
        ):
            with self.subTest(name):
                headers = HTMX if name == "it is no page of ours" else PAGE
                response = self.client.post("/", sent, headers=headers)
                self.assertEqual(response.status_code, 200)
                self.assertNotIn("HX-Reswap", response.headers)
                self.assertNotIn("says", self.sent(response))

    def test_a_refused_form_is_422_with_the_fragment(self):
        response = self.post(htmx=True, prompt="", form_token="once")
        self.assertEqual(response.status_code, 422)
        page = read(response)
        self.assertFalse(page.all("html"))
        self.assertEqual(page.one(id_="prompt-error").text, "Write what the video should show.")
        self.assertEqual(page.one("form", id_="composer").controls()["form_token"], ["once"])

    def test_the_form_token_rules_with_htmx(self):
        self.post(htmx=True, form_token="once")
        again = self.post(htmx=True, form_token="once")
        self.assertContains(again, SEEN)
        other = self.post(htmx=True, form_token="once", seconds="15")
        self.assertContains(other, SECOND)
        self.assertEqual(Generation.objects.count(), 2)

    def test_a_card_that_is_there_already_does_not_come_twice(self):
        self.post(htmx=True, form_token="once")
        made = Generation.objects.get()
        page = read(self.post(htmx=True, form_token="once"))
        places = [element.get("hx-swap-oob") for element in page.all() if "hx-swap-oob" in element]
        self.assertEqual(places[:2], [f"delete:#generation-{made.uuid}", "afterbegin:#feed"])

    def test_a_model_switch_swaps_the_options_alone_and_names_each_change(self):
        response = self.client.get("/", {"model": VEO, "was": WAN, "seconds": "10", "size": "1088x832"}, headers=HTMX)
        page = read(response)
        self.assertEqual([element.get("id") for element in page.children], ["options", "generate", "choice"])
        self.assertEqual(page.one(id_="generate")["hx-swap-oob"], "true")
        self.assertContains(response, "10 s is not offered by Veo 3.1: set to 8 s")
        undo = page.one("a", hx_target="#options")
        self.assertEqual(undo["href"], undo["hx-get"])
        before = read(self.client.get(undo["hx-get"], headers=HTMX)).controls()
        self.assertEqual((before["was"], before["seconds"], before["size"]), ([WAN], ["10"], ["1088x832"]))

    def test_options_are_what_hx_include_sends_of_them(self):
        for old in catalog().choosable():
            sent = read(self.client.get("/", {"model": old.key}, headers=HTMX)).controls()
            for new in map(catalog().get, (WAN, WAN_JSON, OMNI, "kling/kling-v2-master", "runway/gen3a_turbo")):
                with self.subTest(f"{old.key} to {new.key}"):
                    response = self.client.get("/", sent | {"model": [new.key]}, headers=HTMX)
                    chosen = {name: values for name, values in read(response).controls().items() if name != "was"}
                    given = {"model": [new.key], "prompt": ["A fox"]} | needed_options(new)
                    made = self.client.post("/", chosen | given)
                    self.assertEqual(made.status_code, 302)

    def test_going_back_in_history_gets_the_whole_page(self):
        headers = HTMX | {"HX-History-Restore-Request": "true"}
        self.assertEqual(len(read(self.client.get("/", headers=headers)).all("html")), 1)

    def test_answers_differ_by_header_and_say_so(self):
        self.assertIn("HX-Request", self.client.get("/").headers["Vary"])


class NoScriptTests(StudioTestCase):
    def test_a_model_is_switched_by_get(self):
        response = self.client.get("/", {"model": VEO, "was": WAN, "seconds": "10", "prompt": "A fox"})
        self.assertEqual(self.sent(response)["seconds"], ["8"])
        self.assertEqual(self.sent(response)["prompt"], ["A fox"])
        [undo] = [link for link in self.composer(response).all("a") if link.text == "Undo"]
        before = self.sent(self.client.get(undo["href"]))
        self.assertEqual((before["model"], before["seconds"], before["prompt"]), ([WAN], ["10"], ["A fox"]))

    def test_a_model_is_switched_by_a_button_and_back_with_everything_typed(self):
        sent = self.sent(self.client.get("/", {"model": WAN}))
        typed = sent | {"prompt": ["A fox,\nrunning"], "seconds": ["15"], "model": [VEO], "switch": ["1"]}
        response = self.client.post("/", typed)
        self.assertEqual(response.status_code, 200)
        self.assertContains(response, "15 s is not offered by Veo 3.1: set to 8 s")
        after = self.sent(response)
        self.assertEqual(after["form_token"], sent["form_token"])
        undo = self.composer(response).one("button", name="undo")
        before = self.sent(self.client.post("/", after | {"undo": [undo["value"]]}))
        self.assertEqual((before["model"], before["seconds"]), ([WAN], ["15"]))
        self.assertEqual(before["prompt"], ["A fox,\nrunning"])

    def test_use_again_brings_everything_and_names_its_parent(self):
        source = make_generation(user=bob(), model=WAN_JSON, prompt="A fox", options={"seed": "7", "audio": "false"})
        sent = self.sent(self.client.get("/", {"from": str(source.uuid)}))
        self.assertEqual((sent["model"], sent["prompt"], sent["seed"]), ([WAN_JSON], ["A fox"], ["7"]))
        self.assertEqual(sent["audio"], ["false"])
        self.client.post("/", sent)
        made = Generation.objects.newest().first()
        self.assertEqual((made.parent, made.relation, made.options), (source, "rerun", source.options))

    def test_use_again_with_another_team_s_is_as_with_none(self):
        theirs = make_generation(user=carol(), prompt="Secret")
        response = self.client.get("/", {"from": str(theirs.uuid)})
        self.assertContains(response, "The video to begin from was not found.")
        self.assertNotContains(response, "Secret")

    def test_a_kept_prompt_is_brought(self):
        prompt = make_generation(prompt="A <fox> & a hen").prompt
        self.assertEqual(self.sent(self.client.get("/", {"prompt_id": prompt.pk}))["prompt"], ["A <fox> & a hen"])

    def test_words_in_the_address_are_only_words(self):
        response = self.client.get("/", {"prompt": "</textarea><script>alert(1)</script>", "model": "<script>alert(2)"})
        self.assertNotContains(response, "<script>alert")
        self.assertEqual(self.sent(response)["prompt"], ["</textarea><script>alert(1)</script>"])


class FeedTests(StudioTestCase):
    def test_the_feed_is_one_s_own_newest(self):
        mine = [make_generation(prompt=f"number {number}") for number in range(NEWEST + 1)]
        make_generation(user=bob(), prompt="a colleague's")
        page = read(self.client.get("/"))
        shown = [card["id"] for card in page.one(id_="feed").all("article")]
        self.assertEqual(shown, [f"generation-{row.uuid}" for row in reversed(mine[1:])])

    def test_it_is_asked_about_only_while_something_runs(self):
        make_generation(Status.COMPLETED)
        make_generation(Status.UNKNOWN)
        self.assertNotIn("hx-get", read(self.client.get("/")).one(id_="live"))
        running = make_generation(Status.IN_PROGRESS)
        page = read(self.client.get("/"))
        self.assertEqual(page.one(id_="live")["hx-get"], "/live/")
        self.assertEqual([field["value"] for field in page.all(name="v")], [f"{running.uuid}:{running.version}"])


class StatementTests(StudioTestCase):
    """Statements are counted so that nobody adds one by accident; what only opens and closes transactions is not."""

    def setUp(self):
        super().setUp()
        known_figures()  # which a process reads once a minute

    def statements(self, **fields: Any) -> list[str]:
        with CaptureQueriesContext(connection) as found:
            response = self.post(**fields)
        self.assertIn(response.status_code, {200, 302})
        spoken = [query["sql"] for query in found]
        return [sql for sql in spoken if not re.match(r"(RELEASE )?SAVEPOINT|BEGIN|COMMIT", sql)]

    def test_a_submit_takes_few_statements(self):
        self.assertEqual(len(self.statements(form_token="first")), 11)
        self.assertEqual(len(self.statements(form_token="second")), 11)
        self.assertEqual(len(self.statements(form_token="first", prompt="other words")), 12)

    def test_a_priced_one_is_reserved_in_one_more(self):
        make_price("0.08")
        self.assertEqual(len(self.statements(form_token="first")), 12)
        self.assertEqual(len(self.statements(form_token="first", prompt="other words")), 13)
        self.assertEqual(len(self.statements(form_token="second", htmx=True)), 12)  # nothing is asked again

    def test_with_htmx_the_fresh_form_asks_nothing_again(self):
        self.assertEqual(len(self.statements(form_token="first", htmx=True)), 11)

    def test_in_the_sandbox_it_is_looked_for_as_well(self):
        Gateway.objects.update(enabled=False)
        make_gateway("sandbox", key_source=Gateway.KeySource.SANDBOX, key="", base_url="")
        self.assertLessEqual(len(self.statements(form_token="first")), 12)

    def test_the_page_takes_the_same_statements_for_any_number_of_cards(self):
        for _ in range(2):
            with self.assertNumQueries(9):  # two of them for the price: team, what was entered
                self.client.get("/")
            for number in range(5):
                make_generation(Status.COMPLETED, prompt=f"number {number}", model=VEO)
