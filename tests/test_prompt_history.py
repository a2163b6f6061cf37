"""Prompts with their versions, recall, likeness, presets, families and what a gateway made of the words."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from generations.gateways import TaskStatus, VideoTask
from generations.lifecycle import verdicts
from generations.models import Generation, Preset, Prompt, Status
from generations.models.recall import difference, similar_to
from tests.factories import bob, carol, make_generation
from tests.pages import read
from tests.test_studio import VEO, WAN, StudioTestCase

FOX = "A red fox walks through deep snow at dusk"


class VersionTests(StudioTestCase):
    def test_an_edited_prompt_is_a_version_of_the_one_before(self):
        first = make_generation(prompt=FOX)
        form = self.sent(self.client.get("/", {"prompt_id": first.prompt_id}))
        self.client.post("/", {**form, "prompt": FOX + ", slowly"})
        second = Prompt.objects.get(text=FOX + ", slowly")
        self.assertEqual((second.edited_from, second.first), (first.prompt, first.prompt))
        self.post(prompt=FOX + ", very slowly", base=str(second.pk))
        third = Prompt.objects.get(text=FOX + ", very slowly")
        self.assertEqual((third.edited_from, third.first), (second, first.prompt))
        page = read(self.client.get(third.get_absolute_url()))
        self.assertEqual([element.text for element in page.all("ins")], ["dusk, slowly", "very"])

    def test_another_team_s_prompt_is_no_beginning_and_no_page(self):
        other = make_generation(user=carol(), prompt=FOX)
        self.post(prompt="A hen", base=str(other.prompt_id))
        self.assertIsNone(Prompt.objects.get(text="A hen").edited_from)
        self.assertEqual(self.client.get(other.prompt.get_absolute_url()).status_code, 404)

    def test_a_difference_puts_both_texts_together_again(self):
        old, new = "A red fox in the snow", "A brown fox runs in the snow"
        parts = list(difference(old, new))
        self.assertEqual("".join(words for kind, words in parts if kind != "out"), new)
        self.assertIn(("out", "red "), parts)

    def test_the_best_rated_video_is_first_and_everybody_is_counted(self):
        make_generation(Status.COMPLETED, prompt=FOX, rating=2)
        best = make_generation(Status.COMPLETED, prompt=FOX, rating=5, user=bob(), model=VEO)
        make_generation(Status.COMPLETED, prompt=FOX)
        page = read(self.client.get(best.prompt.get_absolute_url()))
        first = page.of_class("by-model")[0].all("a")[0]
        self.assertEqual(first["href"], best.get_absolute_url())
        self.assertIn("Used 3 times", page.text)
        self.assertIn("alice 2 bob 1", page.text)
        listed = read(self.client.get("/prompts/")).of_class("prompt-videos")[0].all("a")[0]
        self.assertEqual(listed["href"], best.get_absolute_url())

    def test_the_pages_ask_the_same_however_much_there_is(self):
        def statements(path: str) -> int:
            with CaptureQueriesContext(connection) as found:
                self.assertEqual(self.client.get(path).status_code, 200)
            return len(found)

        row = make_generation(prompt=FOX)
        self.client.get("/prompts/")
        paths = ("/prompts/", row.prompt.get_absolute_url(), "/prompts/recall/", "/presets/")
        before = [statements(path) for path in paths]
        for number in range(4):
            edited = Prompt.objects.keep(self.alice.team, f"{FOX} {number}", row.prompt)
            make_generation(prompt=edited.text)
            make_generation(prompt=FOX, user=bob(), model=VEO)
        after = [statements(path) for path in paths]
        self.assertEqual([after[0], *after[2:]], [before[0], *before[2:]])
        self.assertEqual(after[1], before[1])


class RecallTests(StudioTestCase):
    def options(self, **query):
        page = read(self.client.get("/prompts/recall/", query))
        return [option["data-text"] for option in page.all("li") if "data-text" in option]

    def test_the_last_used_is_first_and_words_narrow(self):
        for text in ("A hen", FOX, "A cow"):
            make_generation(prompt=text)
        Prompt.objects.keep(self.alice.team, "A hen")
        make_generation(prompt="A secret", user=carol())
        self.assertEqual(self.options(), ["A hen", "A cow", FOX])
        self.assertEqual(self.options(q="FOX"), [FOX])
        cow = Prompt.objects.get(text="A cow")
        self.assertEqual(self.options(before=cow.pk), [FOX])


class SimilarTests(StudioTestCase):
    def found(self, text: str):
        found = similar_to(self.alice, text)
        return found and (found.generation.prompt.text, found.is_exact)

    def test_exact_near_and_far(self):
        make_generation(prompt=FOX)
        self.assertEqual(self.found(FOX.upper() + " !"), (FOX, True))
        self.assertEqual(self.found(FOX + ", slowly"), (FOX, False))
        self.assertIsNone(self.found("A hen in a barn eats some corn at noon"))
        self.assertIsNone(self.found("A red"))

    def test_what_is_written_without_spaces_is_alike_by_its_letters(self):
        fox, hare = "一只红色的狐狸在雪地里慢慢地奔跑，黄昏的光线", "赤い狐が雪の中をゆっくり走っている、夕暮れの光"
        make_generation(prompt=fox)
        make_generation(prompt=hare)
        for near in ("一只白色的狐狸在雪地里慢慢地奔跑，清晨的光线", f"{fox}，电影感镜头", f"{fox}, film"):
            self.assertEqual(self.found(near), (fox, False), near)
        self.assertEqual(self.found("赤い狐が雪の中を速く走っている、夕暮れの光"), (hare, False))
        others = ("一只橘色的猫在窗台上慢慢地伸懒腰，早晨的阳光", "青い鳥が空の中をゆっくり飛んでいる、朝の光")
        for far in (*others, "狐狸在奔跑"):
            self.assertIsNone(self.found(far), far)

    def test_the_hint_leads_there_and_never_to_another_team_s_or_a_deleted_one(self):
        row = make_generation(prompt=FOX)
        response = self.client.get("/prompts/similar/", {"prompt": FOX})
        self.assertContains(response, f'href="{row.get_absolute_url()}"')
        Generation.objects.filter(pk=row.pk).update(deleted_at=row.created_at)
        self.assertNotContains(self.client.get("/prompts/similar/", {"prompt": FOX}), "href")
        make_generation(prompt=FOX, user=carol())
        self.assertNotContains(self.client.get("/prompts/similar/", {"prompt": FOX}), "href")
        self.assertEqual(self.post(prompt=FOX).status_code, 302)


class PresetTests(StudioTestCase):
    def test_a_video_is_promoted_filled_in_and_opened_in_the_composer(self):
        row = make_generation(prompt="A {animal} in {place}", options={"seconds": "10"})
        form = read(self.client.get("/presets/", {"from": str(row.uuid)})).one("form", aria_labelledby="new-preset")
        self.client.post("/presets/", {**form.controls(), "name": "Animals", "with_model": "on"})
        preset = Preset.objects.get()
        self.assertEqual((preset.model_key, preset.options, preset.promoted_from), (WAN, row.options, row.prompt))
        use = read(self.client.get(preset.get_absolute_url())).one("form", aria_labelledby="use-preset")
        self.assertEqual(set(use.controls()), {"of-animal", "of-place"})
        response = self.client.get(
            preset.get_absolute_url(), {"of-animal": "fox", "of-place": "{animal} land", "use": "1"}, follow=True
        )
        composer = self.sent(response)
        self.assertEqual(composer["prompt"], ["A fox in {animal} land"])
        self.assertEqual(composer["seconds"], ["10"])

    def test_a_name_is_there_once_and_other_teams_see_none(self):
        for status in (302, 422):
            response = self.client.post("/presets/", {"name": "Animals", "text": "A {animal}"})
            self.assertEqual(response.status_code, status)
        preset = Preset.objects.get()
        self.client.force_login(carol())
        self.assertEqual(self.client.get(preset.get_absolute_url()).status_code, 404)
        self.assertEqual(self.client.post(f"{preset.get_absolute_url()}delete/").status_code, 404)
        self.assertEqual(Preset.objects.count(), 1)


class FamilyTests(StudioTestCase):
    def test_parents_siblings_and_children_are_on_the_strip(self):
        old = make_generation(prompt="A hen")
        row = make_generation(prompt=FOX, parent=old, relation="remix")
        make_generation(prompt=FOX)
        make_generation(prompt="A cow", parent=row, relation="rerun")
        make_generation(prompt="A pig")
        strip = read(self.client.get(row.get_absolute_url())).of_class("family")[0]
        self.assertEqual(
            [one.text for one in strip.all("strong")], ["Made from", "Beside it", "This one", "Made again"]
        )


class RewrittenTests(StudioTestCase):
    def test_what_the_gateway_made_of_it_is_kept_shown_and_used(self):
        row = make_generation(Status.IN_PROGRESS, prompt=FOX)
        task = VideoTask(
            row.upstream_id, TaskStatus.FAILED, "failed", None, (), "no", rewritten_prompt="A fox, in soft light"
        )
        verdicts.settle(row, task, actor="test")
        page = self.client.get(row.get_absolute_url())
        self.assertContains(page, "As the gateway rewrote it")
        self.assertEqual(
            self.client.get(f"/generations/{row.uuid}.json").json()["rewritten_prompt"], "A fox, in soft light"
        )
        composer = self.sent(self.client.get("/", {"from": str(row.uuid), "words": "rewritten"}))
        self.assertEqual(composer["prompt"], ["A fox, in soft light"])
        self.assertEqual(composer["parent"], [str(row.uuid)])
