"""The tables and the rules they keep: transitions, fences, visibility, constraints."""

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.test import TestCase, TransactionTestCase, override_settings
from django.utils import timezone

from generations.catalog import catalog
from generations.models import (
    ACTIVE,
    REVIVABLE,
    TERMINAL,
    TRANSITIONS,
    UNFINISHED,
    Event,
    Failure,
    Gateway,
    Generation,
    Prompt,
    Status,
    SubmitAttempt,
    Team,
    User,
)
from generations.models.gateway import LOCKED_KEY, NO_KEY, validate_base_url
from generations.models.prompt import normalise
from tests.factories import (
    alice,
    bob,
    carol,
    make_gateway,
    make_generation,
    make_user,
)
from tests.racing import race


def moved(generation: Generation, status: str, **changes) -> bool:
    if status == Status.COMPLETED:
        changes |= {"file": "videos/aa/aa.mp4", "progress": 100}
    if status == Status.FAILED:
        changes |= {"failure": Failure.UPSTREAM_FAILED}
    if generation.status == Status.FAILED:
        changes |= {"failure": ""}
    return generation.move_to(Status(status), actor="test", reason="because", **changes)


class TransitionTests(TestCase):
    def test_every_edge_of_the_table_works_with_its_event(self):
        for before, followers in TRANSITIONS.items():
            for after in followers:
                with self.subTest(f"{before} to {after}"):
                    generation = make_generation(before, failure=Failure.EXPIRED if before == Status.FAILED else "")
                    version, events = generation.version, generation.events.count()
                    self.assertTrue(moved(generation, after))
                    row = Generation.objects.get(pk=generation.pk)
                    self.assertEqual((row.status, row.version), (after, version + 1))
                    self.assertEqual(generation.status, after)
                    event = row.events.last()
                    self.assertEqual((event.before, event.after), (before, after))
                    self.assertEqual((event.actor, event.reason), ("test", "because"))
                    self.assertEqual(row.events.count(), events + 1)

    def test_every_other_edge_raises_and_changes_nothing(self):
        for before in Status:
            generation = make_generation(before, failure=Failure.EXPIRED if before == Status.FAILED else "")
            facts = Generation.objects.filter(pk=generation.pk).values().get()
            for after in frozenset(Status) - TRANSITIONS[before]:
                with self.subTest(f"{before} to {after}"):
                    with self.assertRaises(ValueError):
                        moved(generation, after)
                    self.assertEqual(Generation.objects.filter(pk=generation.pk).values().get(), facts)
            self.assertFalse(generation.events.filter(actor="test").exists())

    def test_the_table_is_the_one_of_the_architecture(self):
        self.assertEqual(set(TRANSITIONS), set(Status))
        self.assertEqual(TRANSITIONS[Status.COMPLETED] | TRANSITIONS[Status.CANCELLED], frozenset())
        self.assertEqual(TRANSITIONS[Status.FAILED], {Status.IN_PROGRESS})
        self.assertEqual(TERMINAL | UNFINISHED, set(Status))
        self.assertEqual(ACTIVE, UNFINISHED - {Status.UNKNOWN})

    def test_a_failure_can_be_asked_about_again_only_when_the_task_exists_upstream(self):
        for failure in Failure:
            with self.subTest(failure):
                generation = make_generation(Status.FAILED, failure=failure)
                if failure in REVIVABLE:
                    self.assertTrue(moved(generation, Status.IN_PROGRESS))
                else:
                    with self.assertRaises(ValueError):
                        moved(generation, Status.IN_PROGRESS)

    def test_a_stale_instance_moves_nothing(self):
        stale = make_generation(Status.IN_PROGRESS)
        self.assertTrue(moved(Generation.objects.get(pk=stale.pk), Status.DOWNLOADING))
        self.assertFalse(moved(stale, Status.FAILED))
        row = Generation.objects.get(pk=stale.pk)
        self.assertEqual((row.status, row.failure), (Status.DOWNLOADING, ""))
        self.assertEqual(row.events.filter(actor="test").count(), 1)

    def test_whoever_lost_the_claim_moves_nothing(self):
        loser = make_generation(Status.IN_PROGRESS, claim="mine")
        Generation.objects.filter(pk=loser.pk).update(claim="somebody else's")
        self.assertFalse(moved(loser, Status.DOWNLOADING))
        self.assertFalse(loser.postpone(timedelta(hours=1), detail="later"))
        self.assertEqual(Generation.objects.get(pk=loser.pk).detail, "")

    def test_a_row_that_failed_anew_is_not_revived_by_who_saw_the_older_failure(self):
        stale = make_generation(Status.FAILED, failure=Failure.EXPIRED)
        again = Generation.objects.get(pk=stale.pk)
        self.assertTrue(moved(again, Status.IN_PROGRESS))
        self.assertTrue(moved(again, Status.FAILED))
        self.assertFalse(moved(stale, Status.IN_PROGRESS))

    def test_the_end_has_no_due_time_and_everything_else_has_one(self):
        for status in Status:
            with self.subTest(status):
                self.assertEqual(make_generation(status).due_at is None, status in TERMINAL)

    def test_a_notice_changes_no_status(self):
        generation = make_generation(Status.DOWNLOADING)
        generation.note("something odd", actor="test", said="hm")
        event = generation.events.last()
        self.assertEqual((event.before, event.after, event.evidence), ("downloading", "downloading", {"said": "hm"}))

    def test_postponing_says_why_and_is_news_only_when_the_words_change(self):
        generation = make_generation()
        self.assertTrue(generation.postpone(timedelta(minutes=5), detail="wait"))
        version = generation.version
        self.assertEqual(generation.detail, "wait")
        self.assertGreater(generation.due_at, timezone.now() + timedelta(minutes=4))
        self.assertTrue(generation.postpone(timedelta(minutes=5), detail="wait"))
        self.assertEqual(generation.version, version)


class RaceTests(TransactionTestCase):
    def test_one_of_many_claimers_wins(self):
        generation = make_generation(Status.DOWNLOADING)

        def claim() -> int:
            return Generation.objects.due().filter(pk=generation.pk).update(due_at=timezone.now() + timedelta(hours=1))

        self.assertEqual(sorted(race([claim] * 6)), [0, 0, 0, 0, 0, 1])

    def test_one_of_many_movers_wins_with_one_event(self):
        generation = make_generation(Status.IN_PROGRESS)
        instances = [Generation.objects.get(pk=generation.pk) for _ in range(6)]
        results = race([lambda row=row: moved(row, Status.DOWNLOADING) for row in instances])
        self.assertEqual(results.count(True), 1)
        self.assertEqual(Event.objects.filter(generation=generation, after=Status.DOWNLOADING).count(), 1)


class VisibilityTests(TestCase):
    def test_a_team_sees_its_own_generations_and_nobody_elses(self):
        ours, theirs = make_generation(user=alice()), make_generation(user=carol())
        self.assertCountEqual(Generation.objects.visible_to(alice()), [ours])
        self.assertCountEqual(Generation.objects.visible_to(bob()), [ours])
        self.assertCountEqual(Generation.objects.visible_to(carol()), [theirs])
        self.assertCountEqual(Prompt.objects.visible_to(carol()), [theirs.prompt])

    def test_what_was_deleted_is_not_seen(self):
        make_generation(deleted_at=timezone.now())
        self.assertFalse(Generation.objects.visible_to(alice()).exists())

    def test_a_member_of_two_teams_sees_each_row_once(self):
        generation = make_generation(user=alice())
        other = make_generation(user=carol())
        alice().memberships.create(team=other.team)
        self.assertCountEqual(Generation.objects.visible_to(alice()), [generation, other])

    def test_a_new_person_joins_the_oldest_team(self):
        first = Team.objects.default()
        Team.objects.create(name="Later")
        user = User.objects.create_user("dave")
        self.assertEqual([membership.team for membership in user.memberships.all()], [first])
        self.assertEqual(user.team, first)
        user.save()
        self.assertEqual(user.memberships.count(), 1)

    def test_a_prompt_is_kept_once_for_each_team(self):
        first = Prompt.objects.keep(alice().team, "a fox")
        again = Prompt.objects.keep(alice().team, "a fox")
        elsewhere = Prompt.objects.keep(carol().team, "a fox")
        self.assertEqual(first, again)
        self.assertNotEqual(first, elsewhere)
        self.assertGreaterEqual(Prompt.objects.get(pk=first.pk).used_at, first.used_at)

    def test_line_ends_and_edges_of_a_prompt_are_normalised_once(self):
        self.assertEqual(normalise(" one\r\ntwo\rthree\n"), "one\ntwo\nthree")
        self.assertEqual(normalise(normalise("a\r\nb")), normalise("a\r\nb"))


class NewerThanTests(TestCase):
    def test_only_rows_that_passed_what_the_page_has_seen(self):
        changed, same = make_generation(Status.IN_PROGRESS), make_generation(Status.IN_PROGRESS)
        seen = [f"{row.uuid}:{row.version}" for row in (changed, same)]
        moved(changed, Status.DOWNLOADING)
        self.assertEqual(Generation.objects.all().newer_than(seen), [changed])

    def test_nonsense_is_left_out(self):
        generation = make_generation()
        for nonsense in ("", ":", "x:1", f"{generation.uuid}:", f"{generation.uuid}:one", str(generation.uuid)):
            with self.subTest(nonsense):
                self.assertEqual(Generation.objects.all().newer_than([nonsense]), [])


class ConstraintTests(TestCase):
    def refused(self, generation: Generation, **changes) -> None:
        with self.assertRaises(IntegrityError), transaction.atomic():
            Generation.objects.filter(pk=generation.pk).update(**changes)

    def test_progress_is_100_only_when_completed(self):
        generation = make_generation(Status.IN_PROGRESS)
        self.refused(generation, progress=100)
        self.refused(generation, progress=101)
        Generation.objects.filter(pk=generation.pk).update(progress=99)

    def test_completed_has_a_file_or_was_purged(self):
        generation = make_generation(Status.COMPLETED)
        self.refused(generation, file="")
        Generation.objects.filter(pk=generation.pk).update(file="", purged_at=timezone.now())

    def test_unfinished_rows_are_due_some_time(self):
        self.refused(make_generation(), due_at=None)

    def test_one_row_an_upstream_task_of_one_gateway(self):
        first, second = make_generation(Status.IN_PROGRESS), make_generation(Status.IN_PROGRESS)
        self.refused(second, upstream_id=first.upstream_id)
        elsewhere = make_generation(Status.IN_PROGRESS, gateway=make_gateway("other"))
        Generation.objects.filter(pk=elsewhere.pk).update(upstream_id=first.upstream_id)

    def test_one_row_a_form_token_and_content(self):
        first = make_generation(form_token="t", form_digest="d")
        second = make_generation(form_token="t", form_digest="other content")
        self.refused(second, form_digest=first.form_digest)

    def test_one_open_attempt_a_generation(self):
        generation = make_generation(Status.SUBMITTING)
        with self.assertRaises(IntegrityError), transaction.atomic():
            SubmitAttempt.objects.create(
                generation=generation, number=2, token="another", request_digest="", opened_at=timezone.now()
            )


class RowTests(TestCase):
    def test_the_admin_meets_the_rules_of_the_form(self):
        generation = make_generation()
        generation.clean()
        generation.options = generation.options | {"seconds": 7}
        with self.assertRaisesMessage(ValidationError, "5, 10 or 15"):
            generation.clean()
        generation.model_key = "wan/gone"
        with self.assertRaisesMessage(ValidationError, "There is no model wan/gone"):
            generation.clean()
        self.assertIsNone(generation.video_model)

    def test_what_differs_is_said_frames_exactly_and_length_by_tolerance(self):
        generation = make_generation(Status.COMPLETED)
        Generation.objects.filter(pk=generation.pk).update(
            asked_width=1920, asked_height=1080, asked_seconds=5, measured_width=1280, measured_height=720
        )
        for measured, words in (
            (5.2, ["asked 1920x1080, got 1280x720"]),
            (5.3, ["asked 1920x1080, got 1280x720", "asked 5 s, got 5.3 s"]),
            (None, ["asked 1920x1080, got 1280x720"]),
        ):
            with self.subTest(measured=measured):
                Generation.objects.filter(pk=generation.pk).update(measured_seconds=measured)
                self.assertEqual(Generation.objects.get(pk=generation.pk).differs, words)

    def test_due_are_unfinished_rows_whose_time_has_come(self):
        now = timezone.now()
        due = make_generation(due_at=now - timedelta(seconds=1))
        make_generation(due_at=now + timedelta(minutes=1))
        make_generation(Status.COMPLETED)
        self.assertCountEqual(Generation.objects.due(), [due])
        self.assertEqual(Generation.objects.due(now + timedelta(days=1)).count(), 2)


class GatewayTests(TestCase):
    def test_a_key_is_encrypted_in_the_table_and_shown_by_its_end(self):
        gateway = make_gateway(key="sk-abcdefgh12345678")
        with connection.cursor() as cursor:
            cursor.execute("SELECT key FROM generations_gateway WHERE id = %s", [gateway.pk])
            [stored] = cursor.fetchone()
        self.assertNotIn("abcdefgh", stored)
        self.assertEqual(gateway.key_hint, "5678")
        self.assertEqual(Gateway.objects.get(pk=gateway.pk).key, "sk-abcdefgh12345678")

    def test_a_short_key_is_not_hinted_at(self):
        self.assertEqual(make_gateway(key="short-key").key_hint, "")

    def test_a_key_that_cannot_be_opened_is_empty_to_use_and_kept_when_saved(self):
        gateway = make_gateway(key="sk-abcdefgh12345678")
        with override_settings(FIELD_KEYS=["another key"]):
            locked = Gateway.objects.get(pk=gateway.pk)
            self.assertEqual((locked.key, locked.key_problem), ("", LOCKED_KEY))
            locked.priority = 7
            locked.save()
        opened = Gateway.objects.get(pk=gateway.pk)
        self.assertEqual((opened.key, opened.key_hint, opened.priority), ("sk-abcdefgh12345678", "5678", 7))

    def test_an_older_field_key_still_opens_and_the_newest_encrypts(self):
        with override_settings(FIELD_KEYS=["old"]):
            gateway = make_gateway(key="sk-abcdefgh12345678")
        with override_settings(FIELD_KEYS=["new", "old"]):
            gateway = Gateway.objects.get(pk=gateway.pk)
            self.assertEqual(gateway.key, "sk-abcdefgh12345678")
            gateway.save()
        with override_settings(FIELD_KEYS=["new"]):
            self.assertEqual(Gateway.objects.get(pk=gateway.pk).key, "sk-abcdefgh12345678")

    def test_no_key_is_said(self):
        self.assertEqual(make_gateway(key="").key_problem, NO_KEY)

    def test_a_pause_is_never_cut_short(self):
        gateway = make_gateway()
        gateway.pause_for(600, "busy for long")
        gateway.pause_for(5, "busy for a moment")
        gateway.refresh_from_db()
        self.assertEqual(gateway.paused_reason, "busy for long")
        gateway.pause("the key is refused")
        gateway.pause_for(5, "busy for a moment")
        gateway.refresh_from_db()
        self.assertEqual((gateway.paused_reason, gateway.paused_until), ("the key is refused", None))
        self.assertTrue(gateway.is_paused)
        gateway.resume()
        gateway.refresh_from_db()
        self.assertFalse(gateway.is_paused)

    def test_a_pause_that_is_over_gives_way_to_a_new_one(self):
        gateway = make_gateway()
        gateway.pause("busy", until=timezone.now() - timedelta(seconds=1))
        gateway.refresh_from_db()
        self.assertFalse(gateway.is_paused)
        self.assertFalse(Gateway.objects.all().paused().exists())
        gateway.pause_for(5, "busy again")
        self.assertTrue(Gateway.objects.all().paused().exists())

    def test_a_reason_holds_no_secret(self):
        gateway = make_gateway()
        gateway.pause("invalid key sk-abcdefgh12345678, see https://gateway.invalid/pay?token=abc")
        gateway.refresh_from_db()
        self.assertEqual(gateway.paused_reason, "invalid key [key], see https://gateway.invalid/pay?[signed]")

    def test_the_preferred_gateway_goes_first_then_the_lowest_priority_then_the_sandbox(self):
        model, team = catalog().get("wan/wan2.6"), alice().team
        offering = Gateway.objects.all().offering
        sandbox = Gateway.objects.create(name="sandbox", key_source=Gateway.KeySource.SANDBOX)
        self.assertEqual(offering(model, team), sandbox)
        second = make_gateway("second", priority=20)
        self.assertEqual(offering(model, team), second)
        first = make_gateway("first", priority=10, offers=["wan/wan2.6"])
        self.assertEqual(offering(model, team), first)
        team.preferred_gateway = second
        self.assertEqual(offering(model, team), second)
        self.assertEqual(offering(catalog().get("wan/wan2.7"), None), second)
        Gateway.objects.filter(pk__in=[first.pk, second.pk]).update(enabled=False)
        self.assertEqual(offering(model, team), sandbox)

    def test_the_sandbox_serves_while_no_real_gateway_could(self):
        sandbox = Gateway.objects.create(name="sandbox", key_source=Gateway.KeySource.SANDBOX)
        keyless = make_gateway("keyless", key="")
        for switch, expected in (("auto", sandbox), ("on", sandbox), ("off", None)):
            with self.subTest(switch), override_settings(STUDIO_SANDBOX=switch):
                self.assertEqual(Gateway.objects.all().sandbox(), expected)
                self.assertEqual(Gateway.objects.all().is_sandbox_open(), expected is not None)
        keyless.key = "sk-now-there-is-one"
        keyless.save()
        for switch, expected in (("auto", None), ("on", sandbox), ("off", None)):
            with self.subTest(switch), override_settings(STUDIO_SANDBOX=switch):
                self.assertEqual(Gateway.objects.all().sandbox(), expected)
                self.assertEqual(Gateway.objects.all().is_sandbox_open(), expected is not None)

    def test_base_urls_are_plain_addresses(self):
        validate_base_url("https://api.example.com/base")
        for address in ("api.example.com", "ftp://x", "https://u:p@x", "https://x?key=1", "https://x/#a", "https://"):
            with self.subTest(address), self.assertRaises(ValidationError):
                validate_base_url(address)


class FactoryTests(TestCase):
    def test_every_status_has_the_history_that_leads_to_it(self):
        for status in Status:
            with self.subTest(status):
                generation = make_generation(status)
                self.assertEqual(generation.status, status)
                chain = list(generation.events.values_list("before", "after"))
                self.assertEqual(chain[-1][1], status)
                self.assertEqual([before for before, _ in chain[1:]], [after for _, after in chain[:-1]])
                self.assertEqual(
                    generation.version, generation.events.filter(before__gt="").exclude(before=F("after")).count() + 1
                )

    def test_people_and_their_teams(self):
        self.assertEqual(alice().team, bob().team)
        self.assertNotEqual(alice().team, carol().team)
        self.assertEqual(make_user("erin", is_staff=True).team, alice().team)
