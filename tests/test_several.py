"""The same prompt on several models and batches: everything is checked, priced and sent together, or nothing is."""

from decimal import Decimal

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from generations.forms.images import GONE_IMAGE
from generations.models import Generation, Group, LedgerEntry, Upload
from tests.factories import carol, make_generation, make_price
from tests.pages import picture, read
from tests.test_studio import OMNI, VEO, WAN, StudioTestCase

KLING = "kling/kling-v2-master"


class SeveralModelsTests(StudioTestCase):
    def page(self, response):
        return read(response).one("form", id_="several")

    def shown(self, *models: str, **fields):
        return self.page(self.client.post("/several/", {"switch": "1", "prompt": "A fox", "models": models, **fields}))

    def test_what_is_drawn_makes_one_of_each(self):
        make_price("0.08")
        make_price("2", model=VEO, per="request")
        form = self.shown(WAN, VEO)
        self.assertIn("Generate 2 videos, about 2.40 USD", form.text)
        response = self.client.post("/several/", form.controls())
        group = Group.objects.get()
        self.assertRedirects(response, group.get_absolute_url())
        self.assertEqual({row.model_key for row in group.generations.all()}, {WAN, VEO})
        self.assertEqual(group.generations.values("prompt").distinct().count(), 1)
        held = LedgerEntry.objects.filter(generation__group=group).values_list("held", flat=True)
        self.assertEqual(sum(held), Decimal("2.40"))

    def test_sent_twice_it_is_one_group(self):
        sent = self.shown(WAN, OMNI).controls()
        first, second = (self.client.post("/several/", sent) for _ in range(2))
        self.assertEqual(first["Location"], second["Location"])
        self.assertEqual(Generation.objects.count(), 2)

    def test_options_are_carried_to_the_nearest_and_the_change_is_said(self):
        source = make_generation(model=WAN, options={"seconds": "10", "size": "1920x1080"})
        page = self.page(self.client.get("/several/", {"from": str(source.uuid), "models": [WAN, VEO]}))
        veo = page.one("section", aria_labelledby="member-veo-veo3-1")
        self.assertIn("10 s is not offered by", veo.text)
        self.assertEqual(page.one("textarea", name="prompt").raw_text.strip(), source.prompt.text)

    def test_each_model_s_own_options_are_kept_and_sent(self):
        sent = self.shown(WAN, OMNI).controls()
        sent["wan-wan2-6-seconds"] = ["10"]
        again = self.page(self.client.post("/several/", {**sent, "switch": "1"}))
        self.assertEqual(again.controls()["wan-wan2-6-seconds"], ["10"])
        self.client.post("/several/", again.controls())
        self.assertEqual(Generation.objects.get(model_key=WAN).asked_seconds, 10)

    def test_one_wrong_option_keeps_all_of_them_back(self):
        sent = self.shown(WAN, OMNI).controls()
        sent["wan-wan2-6-seconds"] = ["7"]
        response = self.client.post("/several/", sent)
        self.assertEqual(response.status_code, 422)
        self.assertEqual(len(self.page(response).of_class("error")), 1)
        self.assertEqual(Generation.objects.count(), 0)

    def test_a_price_that_changed_is_said_before_it_is_paid(self):
        sent = self.shown(WAN, OMNI).controls()
        make_price("0.08")
        response = self.client.post("/several/", sent)
        self.assertContains(response, "The price is now 2 videos, about 0.40 USD", status_code=422)
        self.assertEqual(Generation.objects.count(), 0)
        self.client.post("/several/", self.page(response).controls())
        self.assertEqual(Generation.objects.count(), 2)

    def test_nothing_ticked_no_prompt_and_unknown_models_are_said(self):
        for fields, sentence in (
            ({"prompt": "A fox"}, "Choose at least one model."),
            ({"prompt": " ", "models": [WAN]}, "Write what the video should show."),
            ({"prompt": "A fox", "models": ["nobody/knows"]}, "The model nobody/knows cannot be chosen."),
        ):
            with self.subTest(sentence):
                self.assertContains(self.client.post("/several/", fields), sentence, status_code=422)
        self.assertEqual(Generation.objects.count(), 0)

    def test_htmx_is_led_to_the_group(self):
        response = self.client.post("/several/", self.shown(WAN, OMNI).controls(), headers={"HX-Request": "true"})
        self.assertEqual(response.headers["HX-Redirect"], Group.objects.get().get_absolute_url())


class SeveralImagesTests(StudioTestCase):
    """An image chosen for one of several models is kept like the composer keeps it, and can be removed again."""

    FIRST, OTHER = "veo-veo3-1-input_reference", "kling-kling-v2-master-image"

    def post(self, *models: str, **fields):
        return self.client.post("/several/", {"prompt": "A fox", "models": models, **fields})

    def sent(self, response) -> dict[str, list[str]]:
        return read(response).one("form", id_="several").controls()

    def shown(self, **fields):
        return self.post(VEO, switch="1", **{self.FIRST: picture(width=640, height=360), **fields})

    def test_it_stays_when_the_options_are_drawn_again_and_goes_along(self):
        sent = self.sent(self.shown())
        self.assertEqual(sent[self.FIRST], [str(Upload.objects.get().uuid)])
        self.client.post("/several/", sent)
        self.assertEqual(Generation.objects.get().inputs.get().upload, Upload.objects.get())

    def test_a_model_that_is_ticked_later_begins_with_it(self):
        sent = self.sent(self.shown())
        more = self.sent(self.client.post("/several/", {**sent, "models": [VEO, KLING], "switch": "1"}))
        self.assertEqual(more[self.OTHER], sent[self.FIRST])

    def test_it_can_be_removed_from_one_and_stays_at_the_other(self):
        sent = self.sent(self.shown())
        page = self.client.post("/several/", {**sent, "models": [VEO, KLING], "switch": "1"})
        buttons = [button["value"] for button in read(page).all("button", name="discard")]
        self.assertEqual(set(buttons), {self.FIRST, self.OTHER})
        after = self.sent(self.client.post("/several/", {**self.sent(page), "discard": self.FIRST}))
        self.assertNotIn(self.FIRST, after)
        self.assertEqual(after[self.OTHER], sent[self.FIRST])
        self.assertFalse(Generation.objects.exists())

    def test_a_form_that_is_refused_has_it_still(self):
        response = self.post(VEO, prompt="", **{self.FIRST: picture()})
        self.assertEqual(response.status_code, 422)
        self.assertEqual(self.sent(response)[self.FIRST], [str(Upload.objects.get().uuid)])

    def test_one_that_cannot_be_taken_is_said_where_it_was_chosen(self):
        bad = SimpleUploadedFile("a.gif", b"GIF89a", "image/gif")
        section = read(self.shown(**{self.FIRST: bad})).one("section", aria_labelledby="member-veo-veo3-1")
        self.assertIn("a GIF", section.text)
        self.assertFalse(Upload.objects.exists())

    def test_one_that_is_gone_is_said_once(self):
        response = self.shown(**{self.FIRST: "0b1c8e9a-0000-4000-8000-000000000000"})
        self.assertContains(response, GONE_IMAGE, count=1)

    def test_a_price_asked_for_again_knows_nothing_of_files(self):
        response = self.shown(**{self.FIRST: "[object File]"})
        self.assertNotIn(self.FIRST, self.sent(response))


class BatchTests(StudioTestCase):
    def check(self, press: str = "check", **fields):
        return self.client.post("/several/batch/", {press: "1", "model": WAN, **fields})

    def generate(self, checked):
        sent = read(checked).one("form", id_="batch").controls()
        return self.client.post("/several/batch/", {**sent, "generate": "1"})

    def test_a_table_is_checked_priced_and_sent(self):
        make_price("0.08")
        checked = self.check(table='prompt,model,seconds\nA fox,,10\n"A hen, red",omni/omni-fast,\n')
        self.assertContains(checked, "Generate 2 videos, about 0.80 USD and 1 of unknown price")
        self.assertEqual(Generation.objects.count(), 0)
        response = self.generate(checked)
        group = Group.objects.get()
        self.assertRedirects(response, group.get_absolute_url())
        rows = list(group.generations.order_by("id"))
        self.assertEqual([(row.prompt.text, row.model_key) for row in rows], [("A fox", WAN), ("A hen, red", OMNI)])
        self.assertEqual(rows[0].asked_seconds, 10)

    def test_every_bad_row_is_named_and_none_is_sent(self):
        table = "prompt\tmodel\tseconds\nA fox\t\t7\n\t\t5\nA hen\tnobody/knows\t5\nA cow\t\t5\n"
        response = self.check(table=table)
        self.assertEqual(response.status_code, 422)
        said = [item.text for item in read(response).one("section", aria_label="What is wrong").all("li")]
        self.assertEqual(len(said), 3, said)
        self.assertTrue(said[0].startswith("Row 1, column seconds:"), said)
        self.assertEqual(said[1], "Row 2, column prompt: Write what the video should show.")
        self.assertEqual(said[2], "Row 3, column model: There is no model nobody/knows that can be chosen.")
        self.assertEqual(self.check("generate", table=table).status_code, 422)
        self.assertEqual(Generation.objects.count(), 0)

    def test_a_row_that_cannot_be_read_hides_no_other(self):
        response = self.check(table="prompt,seconds\nA fox,7\n,5\nA hen,5,more\nA cow,99\n")
        said = [item.text for item in read(response).one("section", aria_label="What is wrong").all("li")]
        self.assertEqual(
            [sentence.partition(":")[0].partition(",")[0] for sentence in said], [f"Row {n}" for n in (1, 2, 3, 4)]
        )

    def test_headings_are_checked(self):
        response = self.check(table="words,seconds,seconds\nA fox,5,5")
        for sentence in ("There is no column “prompt”.", "This column is there more than once.", "No model has an"):
            self.assertContains(response, sentence, status_code=422)

    def test_placeholders_make_the_product(self):
        lists = {"list-animal": "fox\nhen\n", "list-place": "snow\nsand\nsnow"}
        checked = self.check(template="A {animal} in the {place}", **lists)
        self.assertContains(checked, "Generate 4 videos")
        self.generate(checked)
        texts = set(Generation.objects.values_list("prompt__text", flat=True))
        self.assertEqual(texts, {f"A {a} in the {p}" for a in ("fox", "hen") for p in ("snow", "sand")})

    def test_a_list_that_is_empty_and_too_many_are_said(self):
        empty = self.check(template="A {animal} in {place}", **{"list-animal": "fox"})
        self.assertContains(empty, "Give at least one line for {place}.", status_code=422)
        many = "\n".join(map(str, range(20)))
        response = self.check(template="{a} {b}", **{"list-a": many, "list-b": many})
        self.assertContains(response, "These are 400 videos; at most 200", status_code=422)

    def test_a_file_takes_the_table_s_place_and_one_that_is_no_text_is_refused(self):
        file = SimpleUploadedFile("rows.csv", "\ufeffprompt;seconds\nEin Füchslein;10".encode())
        self.assertContains(self.check(file=file), "Ein Füchslein")
        self.assertContains(self.check(table="\ufeffprompt;seconds\nEin Häslein;10"), "Ein Häslein")
        broken = SimpleUploadedFile("rows.csv", b"prompt\n\xff\xfe\x00")
        self.assertContains(self.check(file=broken), "not text in UTF-8", status_code=422)

    def test_what_was_changed_after_the_check_is_checked_again(self):
        sent = read(self.check(table="prompt\nA fox")).one("form", id_="batch").controls()
        response = self.client.post("/several/batch/", {**sent, "table": ["prompt\nA fox\nA hen"], "generate": "1"})
        self.assertContains(response, "The price is now 2 videos", status_code=422)
        self.assertEqual(Generation.objects.count(), 0)

    def test_sent_twice_it_is_one_group(self):
        checked = self.check(table="prompt\nA fox\nA hen")
        self.assertEqual(self.generate(checked)["Location"], self.generate(checked)["Location"])
        self.assertEqual(Generation.objects.count(), 2)

    def test_a_row_more_costs_few_statements(self):
        make_price("0.08")

        def statements(rows: int) -> int:
            table = "prompt\n" + "\n".join(f"A fox, take {number} of {rows}" for number in range(rows))
            checked = self.check(table=table)
            with CaptureQueriesContext(connection) as found:
                self.generate(checked)
            return len(found)

        statements(2)
        self.assertLessEqual((statements(22) - statements(12)) / 10, 10)


class RetryTests(StudioTestCase):
    def press(self, row):
        return self.client.post(f"{row.get_absolute_url()}retry/", {"form_token": "a"})

    def test_it_is_a_new_row_linked_to_the_old(self):
        row = make_generation("failed", options={"seconds": "10"})
        make_price("0.08")
        self.assertContains(self.client.get(row.get_absolute_url()), "Retry, about 0.80 USD")
        response = self.press(row)
        new = Generation.objects.exclude(pk=row.pk).get()
        self.assertRedirects(response, new.get_absolute_url())
        self.assertEqual((new.parent, new.relation, new.options), (row, "rerun", row.options))
        self.assertEqual((new.prompt, new.quote_amount), (row.prompt, Decimal("0.80")))

    def test_pressed_twice_it_is_one(self):
        row = make_generation("failed")
        self.assertEqual(self.press(row)["Location"], self.press(row)["Location"])
        self.assertEqual(Generation.objects.count(), 2)

    def test_a_price_that_rose_since_the_page_was_shown_is_said_and_nothing_is_made(self):
        row = make_generation("failed", options={"seconds": "10"})
        price = make_price("0.08")
        page = read(self.client.get(row.get_absolute_url()))
        form = next(form for form in page.all("form", action=f"{row.get_absolute_url()}retry/"))
        type(price).objects.filter(pk=price.pk).update(amount="0.09")
        answer = self.client.post(f"{row.get_absolute_url()}retry/", form.controls(), follow=True)
        self.assertContains(answer, "The price is now about 0.90 USD; it was about 0.80 USD when this was shown.")
        self.assertContains(answer, "Retry, about 0.90 USD")
        self.assertEqual(Generation.objects.count(), 1)

    def test_another_team_s_is_not_there(self):
        row = make_generation("failed")
        self.client.force_login(carol())
        self.assertEqual(self.press(row).status_code, 404)
        self.assertEqual(Generation.objects.count(), 1)
