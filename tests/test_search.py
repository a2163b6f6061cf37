"""Searching prompts: what words find, what never fails, and that the index keeps up."""

from unittest import mock

from django.core.management import call_command
from django.db import connection
from django.test import SimpleTestCase, TestCase, TransactionTestCase
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from generations import search
from generations.models import Entries, Generation, Prompt, PromptEntry, SearchEntry, Team, matching, searching
from generations.models.searching import COMMON
from tests.factories import alice, carol, make_gateway, make_generation

HOSTILE = (
    *(
        '"',
        '""',
        "'",
        "*",
        "a*",
        "-",
        "fox -hen",
        "NOT",
        "fox AND",
        "OR OR",
        "NEAR(a b)",
        "words:fox",
        "^fox",
        "{",
        "}",
    ),
    *("(fox", "fox)", "a:b:c", "\\", "%", "_", ";", "--", "/*", "fox & hen", "fox | hen", "!fox", "<->", ":*", "fox:*"),
    *("'; DROP TABLE generations_generation; --", "\u0000", "\ufffd", "🦊", "é" * 400, "x " * 250, '"fox', 'fox"', "½"),
    *("\u0301", "ﬁ", "İ", "ß", "٣", "a\u200bb", "\t", "AND NOT OR NEAR"),
)


def any_team(text: str) -> str:
    """Return the index's own query for `text`, whoever it belongs to."""
    terms = search.terms(text)
    return search.fts5(terms, []) if connection.vendor == "sqlite" else search.tsquery(terms)


class TermTests(SimpleTestCase):
    def test_words_are_beginnings_and_quotes_are_as_they_stand(self):
        found = search.terms('red fo "in the snow" sci-fi x "')
        self.assertEqual(
            [(term.text, term.is_prefix) for term in found],
            [("red", True), ("fo", True), ("in the snow", False), ("sci fi", True), ("x", False)],
        )

    def test_nothing_of_a_query_is_an_operator(self):
        for text in HOSTILE:
            with self.subTest(text):
                for term in search.terms(text):
                    self.assertTrue(all(word.isalnum() for word in term.words), term)


class SearchTestCase(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        make_gateway()
        cls.team = alice().team.pk

    def found(self, text: str) -> list[str]:
        visible = Generation.objects.visible_to(alice())
        return sorted(row.prompt.text for row in matching(visible, text, teams=[self.team]))


class MatchTests(SearchTestCase):
    def test_words_match_their_beginnings_in_any_order_and_case(self):
        make_generation(prompt="A RED fox leaps over foxgloves")
        make_generation(prompt="a reddish hen")
        for text, count in (("fox", 1), ("re", 2), ("FOX red", 1), ("foxg lea", 1), ("ox", 0), ("red hen fox", 0)):
            with self.subTest(text):
                self.assertEqual(len(self.found(text)), count)

    def test_a_phrase_is_those_words_next_to_each_other(self):
        make_generation(prompt="A fox in the snow, at night")
        for text, count in (
            ('"fox in the"', 1),
            ('"the fox"', 0),
            ('"in the sno"', 0),
            ('"snow at"', 1),
            ('"fox" nig', 1),
        ):
            with self.subTest(text):
                self.assertEqual(len(self.found(text)), count)

    def test_one_letter_is_a_word_and_no_beginning(self):
        make_generation(prompt="a fox")
        self.assertEqual((len(self.found("a")), len(self.found("f"))), (1, 0))

    def test_accents_addresses_and_paths_are_only_words(self):
        make_generation(prompt="Un café à Lyon, see https://example.com/files/red-fox_4k.mp4 or and/or")
        for text in ("cafe", "CAFÉ", "a lyon", "example", "files", "fox", "red-fox", "4k", "and/or", "mp4"):
            with self.subTest(text):
                self.assertEqual(len(self.found(text)), 1)

    def test_scripts_without_spaces_are_found_inside(self):
        make_generation(prompt="一只红色的狐狸在雪地里奔跑")
        make_generation(prompt="赤いキツネ snow")
        self.assertEqual(len(self.found("狐狸")), 1)
        self.assertEqual(len(self.found("キツネ snow")), 1)
        self.assertEqual(len(self.found("狗")), 0)

    def test_what_is_written_without_spaces_is_found_letter_by_letter(self):
        make_generation(prompt="แมวกำลังกินปลา 4K")
        make_generation(prompt="고양이가 눈밭을 달린다")
        make_generation(prompt="ｶﾞﾗｽの城、夜。 ＡＢＣ")
        for text, count in (
            ("กินปลา", 1),
            ("กินปลา 4k", 1),
            ("กินหมู", 0),
            ("양이", 1),
            ("눈밭", 1),
            ("밭눈", 0),
            ("ガラス", 1),
            ("城夜", 1),
            ("夜城", 0),
            ("abc", 1),
        ):
            with self.subTest(text):
                self.assertEqual(len(self.found(text)), count)

    def test_emoji_are_found_and_signs_without_words_find_no_more_than_they_are_in(self):
        make_generation(prompt="A 🦊 leaps - ❤️ over 👩\u200d🚀 in 🇩🇪, 50% off_")
        make_generation(prompt="A wolf 🐺 and a hen - no 👩 there")
        for text, count in (
            ("🦊", 1),
            ("🐺🦊", 0),
            ("❤", 1),
            ("❤️", 1),
            ("wolf🐺", 1),
            ("wolf 🦊", 0),
            ('"🐺"', 1),
            ("👩", 2),
            ("👩\u200d🚀", 1),
            ("🇩🇪", 1),
            ("🇫🇷", 0),
            ("🐻", 0),
            ("wolf & hen - ?", 1),
            ("%", 1),
            ("_", 1),
            ("?", 0),
            ("\u200b", 0),
        ):
            with self.subTest(text):
                self.assertEqual(len(self.found(text)), count)
                prompts = matching(Prompt.objects.visible_to(alice()), text, teams=[self.team])
                self.assertEqual(prompts.count(), count)

    def test_no_text_is_an_error(self):
        make_generation(prompt="A red fox")
        for text in HOSTILE:
            with self.subTest(text):
                self.found(text)

    def test_another_team_s_words_are_not_found(self):
        make_generation(prompt="A secret fox", user=carol())
        self.assertEqual(self.found("secret"), [])
        self.assertEqual(matching(Generation.objects.visible_to(carol()), "secret", teams=[carol().team.pk]).count(), 1)

    def test_in_the_trash_nothing_is_found_and_after_it_everything(self):
        row = make_generation(prompt="A red fox")
        for moment, count in ((timezone.now(), 0), (None, 1), (timezone.now(), 0)):
            Generation.objects.filter(pk=row.pk).update(deleted_at=moment)
            self.assertEqual((len(self.found("fox")), self.entries("fox")), (count, count))

    def entries(self, text: str) -> int:
        return SearchEntry.objects.filter(words__match=any_team(text)).count()

    def test_a_row_that_is_gone_leaves_nothing_behind(self):
        row = make_generation(prompt="A red fox")
        row.events.all().delete()
        row.delete()
        self.assertEqual(self.entries("fox"), 0)


class EntriesTests(SearchTestCase):
    """What the index alone knows, whether it is walked or, as a rare word on PostgreSQL, read whole."""

    def entries(self, text: str) -> Entries:
        found = Entries.of(text, teams=[self.team])
        assert found
        return found

    def test_they_are_read_from_either_side_of_a_key(self):
        keys = [make_generation(prompt=f"A fox {number}").pk for number in range(6)]
        make_generation(prompt="A hen")
        make_generation(prompt="A fox of others", user=carol())
        Generation.objects.filter(pk=keys.pop(2)).update(deleted_at=timezone.now())
        for common in (0, COMMON):
            with self.subTest(common), mock.patch.object(searching, "COMMON", common):
                entries = self.entries("fox")
                self.assertEqual(entries.read(3, None, None), keys[:-4:-1])
                self.assertEqual(entries.read(9, None, keys[3]), keys[2::-1])
                self.assertEqual(entries.read(2, keys[1], None), keys[2:4])
                self.assertEqual((entries.count(9), self.entries("fox").count(4)), (5, 4))
                self.assertEqual((self.entries("wolf").read(3, None, None), self.entries("wolf").count(9)), ([], 0))

    def test_what_no_index_has_they_do_not_say(self):
        for text in ("🦊", "fox 🦊", "", "?"):
            self.assertIsNone(Entries.of(text, teams=[self.team]), text)

    def test_what_is_read_whole_is_read_once(self):
        make_generation(prompt="A fox")
        entries = self.entries("fox")
        with CaptureQueriesContext(connection) as statements:
            entries.read(1, None, None)
            entries.count(9)
        self.assertEqual(len(statements), 2 if entries.are_walked else 1)
        self.assertEqual(entries.are_walked, connection.vendor == "sqlite")


class PromptTests(SearchTestCase):
    """The history's own index: one entry a prompt."""

    def found(self, text: str) -> list[str]:
        visible = Prompt.objects.visible_to(alice())
        return sorted(prompt.text for prompt in matching(visible, text, teams=[self.team]))

    def test_each_prompt_is_found_once_however_often_it_was_used(self):
        for prompt in ("A red fox", "A red fox", "A red hen", "一只红色的狐狸"):
            make_generation(prompt=prompt)
        make_generation(prompt="A red secret", user=carol())
        for text, expected in (
            ("re", ["A red fox", "A red hen"]),
            ("FOX", ["A red fox"]),
            ("红色", ["一只红色的狐狸"]),
        ):
            with self.subTest(text):
                self.assertEqual(self.found(text), expected)

    def test_one_that_is_gone_leaves_nothing_behind(self):
        Prompt.objects.keep(alice().team, "A fox").delete()
        self.assertEqual(PromptEntry.objects.filter(words__match=any_team("fox")).count(), 0)

    def test_no_text_is_an_error(self):
        for text in HOSTILE:
            with self.subTest(text):
                self.found(text)


class KeepingUpTests(TransactionTestCase):
    def test_what_came_while_migrations_ran_is_found_afterwards(self):
        make_gateway()
        before = make_generation(prompt="A fox before")
        search.before_migrations(using="default", plan=["something"])
        during = make_generation(prompt="A fox meanwhile")
        trashed = make_generation(prompt="A fox thrown away", deleted_at=timezone.now())
        search.after_migrations(using="default")
        after = make_generation(prompt="A fox afterwards")
        found = matching(Generation.objects.visible_to(alice()), "fox", teams=[Team.objects.get().pk])
        self.assertEqual({row.pk for row in found}, {before.pk, during.pk, after.pk})
        Generation.objects.filter(pk=trashed.pk).update(deleted_at=None)
        self.assertEqual(found.all().count(), 4)
        self.assertEqual(matching(Prompt.objects.all(), "fox", teams=[Team.objects.get().pk]).count(), 4)

    def test_both_are_made_anew_with_everything(self):
        make_gateway()
        make_generation(prompt="A fox 狐狸")
        search.before_migrations(using="default", plan=["something"])
        search.make(connection)
        search.after_migrations(using="default")
        make_generation(prompt="Another fox 狐狸")
        for rows in (Generation.objects.all(), Prompt.objects.all()):
            self.assertEqual(matching(rows, "fox 狐狸", teams=[alice().team.pk]).count(), 2)

    def test_emptied_tables_leave_nothing_behind(self):
        make_gateway()
        make_generation(prompt="A fox")
        call_command("flush", interactive=False, verbosity=0)
        for entries in (SearchEntry, PromptEntry):
            self.assertEqual(entries.objects.filter(words__match=any_team("fox")).count(), 0)

    def test_migrations_that_have_nothing_to_do_leave_the_triggers_alone(self):
        search.before_migrations(using="default", plan=[])
        make_gateway()
        make_generation(prompt="A fox")
        self.assertEqual(matching(Generation.objects.all(), "fox", teams=[alice().team.pk]).count(), 1)
