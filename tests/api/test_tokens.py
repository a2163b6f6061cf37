"""Tokens: what they open, what is stored of them, and how many requests they are good for."""

import hashlib
import io
from datetime import timedelta

from django.contrib.admin import site
from django.core.management import CommandError, call_command
from django.test import TestCase
from django.utils import timezone

from generations.api.rates import Bucket, Rates, Standing
from generations.models import ApiToken, Generation, Status, User
from generations.models.tokens import digest_of
from tests.api.base import ASKED, Api, FreshRates, error_of, make_token
from tests.factories import alice, bob, carol, make_gateway, make_generation, make_user
from tests.lifecycle.base import everything_stored
from tests.pages import read


class OpeningTests(FreshRates, TestCase):
    def status(self, secret: str) -> int:
        return Api(secret).get("/videos").status_code

    def test_only_a_usable_token_opens(self):
        secret = make_token()
        self.assertEqual(self.status(secret), 200)
        for wrong in ("vs_unknown", "sk-other", secret[:-1], secret + "x", "vs_" + "x" * 500, "vs_ä"):
            with self.subTest(wrong):
                response = Api(wrong).get("/videos")
                self.assertEqual((response.status_code, error_of(response)["code"]), (401, "invalid_token"))
                self.assertIn("Bearer", response.headers["WWW-Authenticate"])
        for header in ("", "Basic abc", secret, "Bearer", "Bearer "):
            with self.subTest(header):
                response = Api(Authorization=header).get("/videos")
                self.assertEqual((response.status_code, error_of(response)["code"]), (401, "missing_token"))

    def test_revoked_expired_or_of_an_account_that_is_off_it_opens_nothing_at_once(self):
        for change in (
            lambda token: token.revoke(),
            lambda token: ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1)),
            lambda token: User.objects.filter(pk=token.user_id).update(is_active=False),
        ):
            secret = make_token()
            self.assertEqual(self.status(secret), 200)
            change(ApiToken.objects.first())
            self.assertEqual(self.status(secret), 401)
            User.objects.update(is_active=True)

    def test_nothing_stored_opens_anything(self):
        secret = make_token()
        stored = everything_stored()
        self.assertNotIn(secret, stored)
        self.assertNotIn(secret[10:], stored)
        self.assertIn(hashlib.sha256(secret.encode()).hexdigest(), stored)

    def test_scopes(self):
        make_gateway()
        row = make_generation(Status.COMPLETED)
        for scope, reach in (("read", {"list"}), ("create", {"create", "remix"}), ("manage", {"delete"})):
            api = Api(make_token(scopes=[scope]))
            found = {
                "list": api.get("/videos"),
                "create": api.post("/videos"),
                "remix": api.post(f"/videos/{row.uuid}/remix", {"prompt": "A wolf"}),
                "delete": api.delete(f"/videos/{row.uuid}"),
            }
            for name, response in found.items():
                with self.subTest(scope, name=name):
                    self.assertEqual(response.status_code, 200 if name in reach else 403)
                    if name not in reach:
                        self.assertIn(f"it has {scope}", error_of(response)["message"])

    def test_the_last_use_is_written_at_most_once_a_minute(self):
        secret = make_token()
        api = Api(secret)
        with self.assertNumQueries(4):  # and what the person's rate lets this process spend
            api.get("/videos")
        used = ApiToken.objects.get().last_used_at
        self.assertIsNotNone(used)
        with self.assertNumQueries(2):
            api.get("/videos")
        self.assertEqual(ApiToken.objects.get().last_used_at, used)
        ApiToken.objects.update(last_used_at=used - timedelta(seconds=61))
        api.get("/videos")
        self.assertGreater(ApiToken.objects.get().last_used_at, used - timedelta(seconds=61))


class LimitTests(FreshRates, TestCase):
    def test_a_token_has_so_many_requests_a_minute(self):
        api = Api(make_token(rate=3))
        for left in (2, 1, 0):
            response = api.get("/videos")
            self.assertEqual(response.headers["x-ratelimit-limit-requests"], "3")
            self.assertEqual(response.headers["x-ratelimit-remaining-requests"], str(left))
        response = api.get("/videos")
        self.assertEqual((response.status_code, error_of(response)["type"]), (429, "rate_limit_error"))
        self.assertEqual(response.headers["x-ratelimit-remaining-requests"], "0")
        self.assertTrue(1 <= int(response.headers["Retry-After"]) <= 20)
        self.assertRegex(response.headers["x-ratelimit-reset-requests"], r"^\d+s$")

    def test_a_person_has_so_many_with_all_tokens_together(self):
        User.objects.filter(pk=alice().pk).update(api_rate=3)
        first, second = Api(make_token()), Api(make_token())
        self.assertEqual([first.get("/videos").status_code for _ in range(2)], [200, 200])
        self.assertEqual([second.get("/videos").status_code for _ in range(2)], [200, 429])
        self.assertEqual(Api(make_token(bob())).get("/videos").status_code, 200)

    def test_a_token_has_so_many_unfinished_videos_at_once(self):
        make_gateway()
        api, other = Api(make_token(at_once=2)), Api(make_token())
        self.assertEqual([api.post("/videos").status_code for _ in range(3)], [200, 200, 429])
        response = api.post("/videos")
        self.assertEqual((error_of(response)["code"], response.headers["Retry-After"]), ("too_many_unfinished", "10"))
        self.assertEqual(other.post("/videos").status_code, 200)
        Generation.objects.filter(pk=Generation.objects.last().pk).update(status=Status.CANCELLED, due_at=None)
        self.assertEqual(api.post("/videos").status_code, 200)

    def test_a_person_has_so_many_with_all_tokens(self):
        make_gateway()
        User.objects.filter(pk=alice().pk).update(api_at_once=2)
        make_generation()  # made in the browser: not a program's
        statuses = [Api(make_token()).post("/videos").status_code for _ in range(3)]
        self.assertEqual(statuses, [200, 200, 429])

    def test_no_limit_is_no_header(self):
        User.objects.filter(pk=alice().pk).update(api_rate=None)
        self.assertNotIn("x-ratelimit-limit-requests", Api(make_token()).get("/videos").headers)


class RatesTests(TestCase):
    """Each `Rates` is the memory of one process."""

    def setUp(self) -> None:
        make_token()

    def bucket(self, limit: int, owner: type = ApiToken) -> Bucket:
        """Return a bucket as it is read with every request."""
        row = owner.objects.get()
        return Bucket(owner, row.pk, limit, row.rate_spent_until)

    def take(self, rates: Rates, limit: int, now: float = 0.0) -> Standing:
        """Take one at so many seconds of the clock."""
        return rates.take([self.bucket(limit)], int(now * 1_000_000))

    def test_it_fills_evenly(self):
        rates = Rates()
        for _ in range(60):
            self.assertEqual(self.take(rates, 60).wait, 0)
        self.assertEqual(self.take(rates, 60).wait, 1)
        self.assertEqual(self.take(rates, 60, 1.0).wait, 0)
        self.assertGreater(self.take(rates, 60, 1.0).wait, 0)
        self.assertEqual(self.take(rates, 60, 1000.0).remaining, 59)

    def test_processes_share_a_limit_and_a_new_one_does_not_begin_afresh(self):
        for limit in (7, 100, 999, 1200):
            ApiToken.objects.update(rate_spent_until=0)
            first, second = Rates(), Rates()
            let_through = sum(not self.take(rates, limit).wait for _ in range(limit) for rates in (first, second))
            self.assertEqual(let_through, limit)
            self.assertGreater(self.take(Rates(), limit).wait, 0)

    def test_what_was_read_before_another_process_took_it_is_not_there_twice(self):
        stale = self.bucket(2)
        self.assertEqual([Rates().take([stale], 0).wait for _ in range(3)], [0, 0, 30])

    def test_a_second_of_requests_costs_one_statement_and_a_refusal_none(self):
        rates = Rates()
        bucket = self.bucket(1200)
        with self.assertNumQueries(1):
            for _ in range(20):
                rates.take([bucket], 0)
        with self.assertNumQueries(1):
            rates.take([bucket], 0)
        ApiToken.objects.update(rate_spent_until=60_000_000)
        empty = self.bucket(1200)
        with self.assertNumQueries(0):
            self.assertGreater(Rates().take([empty], 0).wait, 0)

    def test_what_was_taken_and_not_spent_is_worth_nothing_after_a_minute(self):
        rates = Rates()
        self.take(rates, 1200)
        bucket = self.bucket(1200)
        with self.assertNumQueries(1):
            self.assertEqual(rates.take([bucket], 60_000_000).remaining, 1199)

    def test_a_refusal_takes_nothing_from_the_other_bucket(self):
        rates = Rates()
        for wait in (0, 60, 60, 60):
            buckets = [self.bucket(1), self.bucket(5, User)]
            self.assertEqual(rates.take(buckets, 0).wait, wait)
        self.assertEqual(rates.take([self.bucket(5, User)], 0).remaining, 3)

    def test_no_requests_at_all(self):
        self.assertEqual(self.take(Rates(), 0).wait, 60)


class PageTests(TestCase):
    def setUp(self) -> None:
        self.client.force_login(alice())

    def make(self, **fields):
        return self.client.post(
            "/account/tokens/", {"name": "laptop", "scopes": ["read", "create"], "days": "", **fields}
        )

    def test_a_new_token_is_shown_once_and_works(self):
        page = read(self.make())
        secret = page.one("pre", id_="secret").text
        self.assertTrue(secret.startswith("vs_"))
        self.assertEqual(Api(secret).get("/videos").status_code, 200)
        token = ApiToken.objects.get()
        self.assertEqual((token.scopes, token.expires_at, token.digest), (["read", "create"], None, digest_of(secret)))
        again = self.client.get("/account/tokens/")
        self.assertNotContains(again, secret)
        self.assertContains(again, secret[:10])
        self.assertIn("no-store", again.headers["Cache-Control"])

    def test_it_expires_when_it_was_chosen_to(self):
        self.make(days="30")
        left = ApiToken.objects.get().expires_at - timezone.now()
        self.assertAlmostEqual(left.total_seconds(), 30 * 86400, delta=60)

    def test_a_form_without_a_name_or_a_scope_is_refused_and_keeps_the_rest(self):
        response = self.client.post("/account/tokens/", {"name": "", "days": "30"})
        self.assertEqual(response.status_code, 422)
        self.assertContains(response, "Give it a name", status_code=422)
        self.assertContains(response, "Choose at least one thing", status_code=422)
        self.assertEqual(read(response).one("select", name="days").one("option", value="30").get("selected", "no"), "")
        self.assertEqual(ApiToken.objects.count(), 0)

    def test_revoking(self):
        secret = make_token()
        token = ApiToken.objects.get()
        self.assertRedirects(self.client.post(f"/account/tokens/{token.pk}/revoke/"), "/account/tokens/")
        self.assertEqual(Api(secret).get("/videos").status_code, 401)
        self.assertContains(self.client.get("/account/tokens/"), "Revoked")

    def test_others_tokens_are_not_there(self):
        make_token(carol(), name="secret plan")
        token = ApiToken.objects.get()
        self.assertNotContains(self.client.get("/account/tokens/"), "secret plan")
        self.assertEqual(self.client.post(f"/account/tokens/{token.pk}/revoke/").status_code, 404)
        self.assertTrue(ApiToken.objects.get().is_usable)


class OperatorTests(TestCase):
    def setUp(self) -> None:
        self.client.force_login(make_user("root", is_staff=True, is_superuser=True))

    def test_the_admin_changes_limits_and_nothing_else(self):
        make_token(name="laptop", rate=10)
        token = ApiToken.objects.get()
        path = f"/admin/generations/apitoken/{token.pk}/change/"
        used = timezone.now()
        self.client.get(path)
        ApiToken.objects.update(last_used_at=used)
        answer = self.client.post(path, {"rate": "5", "at_once": "", "name": "other", "scopes": "[]", "user": "1"})
        self.assertEqual(answer.status_code, 302)
        changed = ApiToken.objects.get()
        self.assertEqual((changed.rate, changed.at_once, changed.last_used_at), (5, None, used))
        self.assertEqual((changed.name, changed.scopes, changed.user), ("laptop", token.scopes, token.user))

    def test_limits_that_are_set_meanwhile_do_not_bring_a_revoked_token_back(self):
        make_token()
        stale = ApiToken.objects.get()
        ApiToken.objects.get().revoke()
        stale.rate = 5
        site.get_model_admin(ApiToken).save_model(None, stale, None, True)
        self.assertEqual((ApiToken.objects.get().rate, ApiToken.objects.get().is_usable), (5, False))

    def test_an_operator_revokes_anybodys(self):
        secret = make_token()
        chosen = {"action": "revoke", "_selected_action": [ApiToken.objects.get().pk]}
        self.client.post("/admin/generations/apitoken/", chosen)
        self.assertEqual(Api(secret).get("/videos").status_code, 401)

    def test_the_admin_lists_and_neither_adds_nor_deletes(self):
        make_token(name="laptop")
        page = self.client.get("/admin/generations/apitoken/")
        self.assertContains(page, "laptop")
        token = ApiToken.objects.get()
        path = f"/admin/generations/apitoken/{token.pk}/"
        self.assertNotContains(self.client.get(f"{path}change/"), token.digest)
        self.assertEqual(self.client.post(f"{path}delete/").status_code, 403)
        self.assertEqual(self.client.get("/admin/generations/apitoken/add/").status_code, 403)


class CommandTests(FreshRates, TestCase):
    def run_command(self, *arguments: str) -> str:
        out = io.StringIO()
        call_command("create_token", *arguments, stdout=out)
        return out.getvalue()

    def test_it_prints_the_token_alone(self):
        alice()
        printed = self.run_command("alice")
        self.assertRegex(printed, r"^vs_[\w-]{43}\n$")
        self.assertEqual(Api(printed.strip()).post("/videos", ASKED | {"seconds": "7"}).status_code, 422)

    def test_scopes_and_days(self):
        alice()
        self.run_command("alice", "--scopes", "read", "--days", "2", "--name", "ci")
        token = ApiToken.objects.get()
        self.assertEqual((token.scopes, token.name, (token.expires_at - timezone.now()).days), (["read"], "ci", 1))

    def test_limits(self):
        alice()
        self.run_command("alice", "--rate", "7", "--at-once", "2")
        token = ApiToken.objects.get()
        self.assertEqual((token.rate, token.at_once), (7, 2))

    def test_nobody_and_nonsense_are_refused(self):
        alice()
        for arguments in (
            ("nobody",),
            ("alice", "--days", "0"),
            ("alice", "--rate", "0"),
            ("alice", "--at-once", "-1"),
            ("alice", "--scopes", "all"),
        ):
            with self.subTest(arguments), self.assertRaises(CommandError):
                self.run_command(*arguments)
        self.assertEqual(ApiToken.objects.count(), 0)
