"""What a fresh installation gets, and how gateways follow the environment."""

import stat
import tempfile
from pathlib import Path

from django.contrib.auth import authenticate
from django.core.exceptions import ImproperlyConfigured
from django.test import TestCase, override_settings

from generations import seeding
from generations.catalog import catalog
from generations.models import Gateway, Team, User
from generations.models.gateway import LOCKED_KEY, NO_KEY
from generations.seeding import prepare, seed_gateways
from tests.factories import make_gateway, make_user

COMET = {"key": "sk-comet-0123456789", "base_url": "https://api.cometapi.invalid"}
VAULT = {"key": "sk-vault-0123456789", "base_url": "https://vault.invalid"}
NOTHING = {"key": "", "base_url": "https://nobody.invalid"}


def environment(cometapi=NOTHING, computevault=NOTHING):
    return override_settings(COMETAPI=cometapi, COMPUTEVAULT=computevault)


class FirstAccountTests(TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.note = Path(folder.name) / "data" / "initial-password"
        self.enterContext(override_settings(INITIAL_PASSWORD_FILE=self.note))

    def account(self, **changes):
        return override_settings(FIRST_ACCOUNT={"username": "admin", "email": "", "password": "", **changes})

    def test_a_generated_password_works_is_printed_once_and_kept_for_its_owner_alone(self):
        with self.account():
            lines = prepare()
        password = self.note.read_text().strip()
        self.assertIn(f"The first account is admin, its password {password}", lines)
        self.assertEqual(stat.S_IMODE(self.note.stat().st_mode), 0o600)
        user = authenticate(username="admin", password=password)
        self.assertTrue(user.is_superuser and user.is_staff)
        self.assertEqual(user.team, Team.objects.get())
        self.assertEqual(prepare(), [])

    def test_a_given_password_is_never_printed_or_kept(self):
        with self.account(username="root", email="root@example.com", password="given by the operator"):
            lines = prepare()
        user = authenticate(username="root", password="given by the operator")
        self.assertEqual(user.email, "root@example.com")
        self.assertFalse(self.note.exists())
        self.assertNotIn("given by", "".join(lines))
        self.assertIn("with the password of STUDIO_ADMIN_PASSWORD", lines[0])

    def test_what_no_account_can_have_is_refused_with_the_variable_s_name(self):
        for changes, words in (
            ({"username": "two words"}, "this STUDIO_ADMIN_USERNAME. Enter a valid username."),
            ({"username": "x" * 151}, "this STUDIO_ADMIN_USERNAME. Ensure this value has at most 150"),
            ({"email": "nobody"}, "this STUDIO_ADMIN_EMAIL. Enter a valid email address."),
        ):
            with self.subTest(words), self.account(**changes), self.assertRaisesMessage(ImproperlyConfigured, words):
                prepare()

    def test_a_weak_password_is_taken_and_said(self):
        with self.account(password="12345"):
            lines = prepare()
        self.assertTrue(User.objects.get().check_password("12345"))
        self.assertIn("That password is weak: change it", lines[1])
        self.assertNotIn("12345", "".join(lines))

    def test_where_people_are_nobody_is_added(self):
        make_user("alice")
        with self.account():
            self.assertEqual(prepare(), [])
        self.assertEqual(User.objects.count(), 1)

    def test_an_old_note_is_written_anew(self):
        self.note.parent.mkdir()
        self.note.write_text("an old password")
        self.note.chmod(0o644)
        with self.account():
            prepare()
        self.assertNotEqual(self.note.read_text(), "an old password")
        self.assertEqual(stat.S_IMODE(self.note.stat().st_mode), 0o600)

    def test_a_second_start_changes_nothing(self):
        with self.account(), environment(COMET, VAULT):
            prepare()
            before = list(Gateway.objects.order_by("pk").values()), User.objects.count(), Team.objects.count()
            self.assertEqual(prepare(), [])
            after = list(Gateway.objects.order_by("pk").values()), User.objects.count(), Team.objects.count()
        self.assertEqual(after, before)


class GatewayTests(TestCase):
    def the(self, name: str) -> Gateway:
        return Gateway.objects.get(name=name)

    def test_without_keys_there_is_the_sandbox_alone(self):
        with environment():
            seed_gateways()
        self.assertEqual(list(Gateway.objects.values_list("name", "key_source")), [("sandbox", "sandbox")])
        self.assertEqual((self.the("sandbox").key, self.the("sandbox").base_url), ("", ""))

    def test_each_gateway_of_the_environment_is_made_and_offers_what_its_documents_say(self):
        with environment(COMET, VAULT):
            lines = seed_gateways()
        self.assertEqual(len(lines), 2)
        comet, vault = self.the("cometapi"), self.the("computevault")
        self.assertEqual((comet.key, comet.base_url, comet.key_source), (*COMET.values(), "environment"))
        self.assertEqual((vault.key, vault.base_url), tuple(VAULT.values()))
        for model in catalog().models:
            expected = vault if model.dialect == "newapi" else comet
            self.assertEqual(
                [gateway for gateway in (comet, vault) if gateway.does_offer(model)], [expected], model.key
            )
        self.assertNotIn(COMET["key"], "".join(lines))

    def test_key_and_address_follow_the_environment_and_end_a_pause(self):
        with environment(COMET):
            seed_gateways()
        self.the("cometapi").pause("the key is refused")
        for changed in (COMET | {"key": "sk-a-new-key-000000"}, COMET | {"base_url": "https://elsewhere.invalid"}):
            with environment(changed):
                lines = seed_gateways()
            gateway = self.the("cometapi")
            self.assertEqual((gateway.key, gateway.base_url), (changed["key"], changed["base_url"]))
            self.assertFalse(gateway.is_paused)
            self.assertEqual(len(lines), 1)

    def test_the_same_key_does_not_end_a_pause(self):
        with environment(COMET):
            seed_gateways()
            self.the("cometapi").pause("the key is refused")
            seed_gateways()
        self.assertTrue(self.the("cometapi").is_paused)

    def test_what_operators_set_stays(self):
        with environment(COMET):
            seed_gateways()
            Gateway.objects.filter(name="cometapi").update(enabled=False, priority=7, offers=["veo"], max_creates=1)
            seed_gateways()
        gateway = self.the("cometapi")
        self.assertEqual(
            (gateway.enabled, gateway.priority, gateway.offers, gateway.max_creates), (False, 7, ["veo"], 1)
        )

    def test_what_an_earlier_release_gave_follows_to_what_is_known_by_now(self):
        with environment(COMET):
            seed_gateways()
            now = self.the("cometapi").offers
            Gateway.objects.filter(name="cometapi").update(offers=["omni", "veo", "wan/wan2.6", "wan/wan2.7"])
            self.assertEqual(seed_gateways(), ["Gateway cometapi offers the models that came since."])
            self.assertEqual(self.the("cometapi").offers, now)
            self.assertEqual(seed_gateways(), [])

    def test_a_key_typed_in_the_admin_is_never_overwritten(self):
        make_gateway("cometapi", key="sk-typed-by-a-person", base_url="https://typed.invalid")
        with environment(COMET):
            self.assertEqual(seed_gateways(), [])
        gateway = self.the("cometapi")
        self.assertEqual((gateway.key, gateway.base_url), ("sk-typed-by-a-person", "https://typed.invalid"))

    def test_a_variable_that_is_gone_leaves_the_gateway_as_it_was(self):
        with environment(COMET):
            seed_gateways()
        with environment():
            self.assertEqual(seed_gateways(), [])
        self.assertEqual(self.the("cometapi").key, COMET["key"])

    def test_a_key_that_cannot_be_opened_pauses_its_gateway_until_it_can(self):
        make_gateway("typed", key="sk-typed-by-a-person")
        with environment(), override_settings(FIELD_KEYS=["another"]):
            [line] = seed_gateways()
            self.assertEqual(line, f"Gateway typed is paused. {LOCKED_KEY}")
            gateway = self.the("typed")
            self.assertEqual((gateway.is_paused, gateway.paused_until, gateway.key), (True, None, ""))
        with environment():
            self.assertEqual(seed_gateways(), ["Gateway typed works again: its key can be used."])
        gateway = self.the("typed")
        self.assertEqual((gateway.is_paused, gateway.key), (False, "sk-typed-by-a-person"))

    def test_a_key_of_the_environment_that_cannot_be_opened_is_written_anew(self):
        with environment(COMET):
            seed_gateways()
            with override_settings(FIELD_KEYS=["another"]):
                lines = seed_gateways()
                self.assertEqual((self.the("cometapi").key, self.the("cometapi").is_paused), (COMET["key"], False))
        self.assertEqual(len(lines), 1)

    def test_a_gateway_that_waited_for_a_key_goes_on_with_one(self):
        make_gateway("typed", key="sk-typed-by-a-person").pause(NO_KEY)
        with environment():
            self.assertEqual(seeding.look_at_keys(), ["Gateway typed works again: its key can be used."])

    def test_other_pauses_are_left_alone(self):
        make_gateway("typed").pause("Paused by alice.")
        self.assertEqual(seeding.look_at_keys(), [])
        self.assertTrue(self.the("typed").is_paused)
