"""Star, rating, tags, project, pin: one video's marks, with htmx and without; projects and tags themselves."""

from django.utils import timezone

from generations import marks
from generations.models import Generation, Project, Star, Status, Tag
from tests.factories import alice, bob, carol, make_generation
from tests.pages import Element, read
from tests.test_pages import HTMX, PageTestCase

FORMS = (
    ("star", {"star": "on"}),
    ("rate", {"rating": "4"}),
    ("tags", {"tags": "night"}),
    ("project", {"project": ""}),
    ("pin", {"pin": "on"}),
    ("delete", {}),
)


class MarksTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.row = make_generation(Status.COMPLETED)

    def post(self, name: str, **fields: str) -> Element:
        response = self.client.post(f"{self.row.get_absolute_url()}{name}/", fields, headers=HTMX)
        self.assertEqual(response.status_code, 200)
        return read(response).one("section", id_="marks")

    def test_nobody_of_another_team_marks_anything(self):
        for person, expected in ((carol(), 404), (bob(), 302)):
            self.client.force_login(person)
            for name, fields in FORMS:
                with self.subTest(name, person=person):
                    self.assertEqual(self.client.get(f"{self.row.get_absolute_url()}{name}/").status_code, 405)
                    response = self.client.post(f"{self.row.get_absolute_url()}{name}/", fields)
                    self.assertEqual(response.status_code, expected)
            changed = Generation.objects.get(pk=self.row.pk)
            self.assertEqual(changed.rating is not None or changed.deleted_at is not None, expected == 302)

    def test_a_star_is_one_s_own_and_the_team_sees_how_many(self):
        self.assertIn("Starred", self.post("star", star="on").text)
        self.post("star", star="on")
        self.client.force_login(bob())
        page = self.page(self.row.get_absolute_url()).one(id_="marks")
        self.assertEqual(page.one(id_="mark-star")["aria-pressed"], "false")
        self.assertIn("1 star in the team", page.text)
        self.post("star", star="off")
        self.assertEqual(Star.objects.get().person, self.alice)

    def test_a_rating_is_the_team_s_and_can_be_taken_away(self):
        page = self.post("rate", rating="4")
        self.assertIn("Rating: 4 of 5", page.text)
        self.assertEqual(len(page.of_class("is-lit")), 4)
        self.post("rate", rating="")
        self.assertIsNone(Generation.objects.get(pk=self.row.pk).rating)
        self.assertIn("one to five", self.post("rate", rating="9").text)

    def test_tags_are_typed_kept_once_and_taken_off(self):
        page = self.post("tags", tags="Night, red fox")
        self.post("tags", tags="NIGHT")
        self.assertEqual(sorted(Tag.objects.values_list("name", flat=True)), ["Night", "red fox"])
        self.assertEqual(
            [link["href"] for link in page.all("a")], ["/generations/?tag=Night", "/generations/?tag=red%20fox"]
        )
        self.assertEqual([option["value"] for option in page.one("datalist").all("option")], ["Night", "red fox"])
        page = self.post("tags", untag="night")
        self.assertEqual([link.text for link in page.all("a")], ["red fox"])
        self.assertIn("Type a tag", self.post("tags", tags=" ,").text)

    def test_a_project_of_one_s_own_team(self):
        ours = Project.objects.create(team=self.alice.team, name="Ours")
        theirs = Project.objects.create(team=carol().team, name="Theirs")
        archived = Project.objects.create(team=self.alice.team, name="Old", archived_at=timezone.now())
        page = self.post("project", project=str(ours.pk))
        self.assertEqual([option.text for option in page.all("option") if "selected" in option], ["Ours"])
        self.assertNotIn("Theirs", page.text)
        self.assertNotIn("Old", page.text)
        self.assertIn("not there any more", self.post("project", project=str(theirs.pk)).text)
        self.assertEqual(Generation.objects.get(pk=self.row.pk).project, ours)
        marks.move([self.row], archived)
        self.assertIn("Old (archived)", self.page(self.row.get_absolute_url()).one(id_="marks").text)

    def test_a_pin_is_put_in_and_taken_out(self):
        self.assertIn("Pinned", self.post("pin", pin="on").text)
        self.assertIsNotNone(Generation.objects.get(pk=self.row.pk).pinned_at)
        self.post("pin", pin="off")
        self.assertIsNone(Generation.objects.get(pk=self.row.pk).pinned_at)

    def test_without_htmx_each_form_leads_back_to_the_page_and_says_what_is_wrong(self):
        response = self.client.post(f"{self.row.get_absolute_url()}tags/", {"tags": ""}, follow=True)
        self.assertRedirects(response, self.row.get_absolute_url())
        self.assertContains(response, "Type a tag")

    def test_the_star_of_a_tile_answers_with_itself(self):
        fields = {"tile": "1", "star": "on"}
        response = self.client.post(f"{self.row.get_absolute_url()}star/", fields, headers=HTMX)
        [button] = read(response).children
        self.assertEqual((button["aria-pressed"], button["id"]), ("true", f"star-{self.row.uuid}"))


class ProjectsTests(PageTestCase):
    def post(self, path: str, status: int = 302, **fields: str) -> Element:
        response = self.client.post(path, fields)
        self.assertEqual(response.status_code, status)
        return read(response)

    def test_a_project_is_made_named_and_put_away(self):
        self.post("/projects/", name="  Autumn   campaign ")
        project = Project.objects.get()
        self.assertEqual(
            (project.name, project.created_by, project.team), ("Autumn campaign", self.alice, self.alice.team)
        )
        page = self.post("/projects/", status=422, name="AUTUMN campaign")
        self.assertIn("There is one called", page.text)
        self.assertEqual(page.one("input", id_="project-name")["value"], "AUTUMN campaign")
        self.post("/projects/", status=422, name=" ")
        self.post("/projects/", status=422, name="x" * 101)
        self.post(f"/projects/{project.pk}/", name="Winter")
        marks.move([make_generation()], Project.objects.get(name="Winter"))
        self.assertIn("Winter 1 video, by alice", self.page("/projects/").text)
        self.post(f"/projects/{project.pk}/", archive="on")
        self.assertIsNotNone(Project.objects.get().archived_at)
        self.assertEqual(Generation.objects.filter(project=project).count(), 1)
        self.post(f"/projects/{project.pk}/", archive="off")
        self.assertIsNone(Project.objects.get().archived_at)

    def test_tags_are_named_merged_and_removed(self):
        rows = [make_generation(), make_generation()]
        marks.tag(rows, ["night"])
        marks.tag(rows[:1], ["nite"])
        night, nite = Tag.objects.get(name="night"), Tag.objects.get(name="nite")
        self.post(f"/tags/{nite.pk}/", status=422, name="NIGHT")
        self.post(f"/tags/{nite.pk}/", name="dusk")
        self.post(f"/tags/{nite.pk}/", into=str(night.pk))
        self.assertEqual(list(Tag.objects.values_list("name", flat=True)), ["night"])
        self.assertEqual(night.taggings.count(), 2)
        self.post(f"/tags/{night.pk}/", status=422, into=str(night.pk))
        self.post(f"/tags/{night.pk}/", remove="1")
        self.assertFalse(Tag.objects.exists())

    def test_another_team_s_are_not_there(self):
        theirs = Project.objects.create(team=carol().team, name="Theirs")
        tag = Tag.objects.create(team=carol().team, name="secret")
        ours = Tag.objects.create(team=alice().team, name="ours")
        page = self.page("/projects/")
        self.assertNotIn("Theirs", page.text)
        self.assertNotIn("secret", page.text)
        self.post(f"/projects/{theirs.pk}/", status=404, name="Mine")
        self.post(f"/tags/{tag.pk}/", status=404, remove="1")
        self.post(f"/tags/{ours.pk}/", status=404, into=str(tag.pk))

    def test_the_page_takes_the_same_statements_for_any_number(self):
        for count in (1, 5):
            for number in range(count):
                project = Project.objects.create(team=self.alice.team, name=f"{count} {number}", created_by=bob())
                row = make_generation()
                marks.move([row], project)
                marks.tag([row], [f"tag {count} {number}"])
            with self.assertNumQueries(5):  # session, person, projects, tags, whether the sandbox serves
                self.client.get("/projects/")
