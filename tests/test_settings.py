"""The contract of the environment: what each variable does, wherever it stands, and what a bad one says."""

import os
import re
import runpy
import tempfile
import threading
from pathlib import Path
from typing import Any
from unittest import mock

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import mailers
from django.test import Client, SimpleTestCase, TestCase, override_settings

from tests.settings import belongs_to_the_contract
from videostudio.environment import kept_secret, read, read_list, read_mailer

# A value of each variable that is not its default, and what it sets.
SAMPLES: dict[str, tuple[str, str]] = {
    "HOST": ("192.0.2.7", "HOST"),
    "PORT": ("9000", "PORT"),
    "STUDIO_DATA_DIR": ("", "DATA_DIR"),  # set by every test
    "STUDIO_URL": ("https://studio.example.com", "STUDIO_URL"),
    "STUDIO_TRUST_PROXY": ("1", "TRUST_PROXY"),
    "STUDIO_ADMIN_USERNAME": ("boss", "FIRST_ACCOUNT"),
    "STUDIO_ADMIN_EMAIL": ("boss@example.com", "FIRST_ACCOUNT"),
    "STUDIO_ADMIN_PASSWORD": ("a long enough password", "FIRST_ACCOUNT"),
    "STUDIO_FIELD_KEY": ("a key that encrypts,old", "FIELD_KEYS"),
    "STUDIO_SANDBOX": ("off", "STUDIO_SANDBOX"),
    "STUDIO_PRIVATE_HOSTS": ("127.0.0.1:9,Gateway.lan:80", "PRIVATE_HOSTS"),
    "STUDIO_POLL_SECONDS": ("2.5", "POLL_SECONDS"),
    "STUDIO_CATALOG_DIR": ("/models", "CATALOG_DIR"),
    "COMETAPI_KEY": ("sk-comet", "COMETAPI"),
    "COMETAPI_BASE_URL": ("https://comet.example.com/", "COMETAPI"),
    "COMPUTEVAULT_KEY": ("sk-vault", "COMPUTEVAULT"),
    "COMPUTEVAULT_BASE_URL": ("https://vault.example.com", "COMPUTEVAULT"),
    "SECRET_KEY": ("a secret of a test that is long enough to be taken", "SECRET_KEY"),
    "DEBUG": ("1", "DEBUG"),
    "ALLOWED_HOSTS": ("a.example.com, b.example.com", "ALLOWED_HOSTS"),
    "CSRF_TRUSTED_ORIGINS": ("https://a.example.com", "CSRF_TRUSTED_ORIGINS"),
    "DATABASE_URL": ("postgres://studio:p%40ss@127.0.0.1:5432/studio", "DATABASES"),
    "CACHE_URL": ("locmemcache://", "CACHES"),
    "EMAIL_URL": ("smtp+tls://user:p%40ss@mail.example.com:587", "EMAIL_CONFIGURED"),
    "DEFAULT_FROM_EMAIL": ("Studio <a@example.com>", "DEFAULT_FROM_EMAIL"),
    "LOG_LEVEL": ("debug", "LOGGING"),
}


class EnvironmentTestCase(SimpleTestCase):
    """With an environment of the test's own, and a data directory that is its own too."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        clean = {name: value for name, value in os.environ.items() if not belongs_to_the_contract(name)}
        patch = mock.patch.dict(os.environ, clean | {"STUDIO_DATA_DIR": str(self.folder / "data")}, clear=True)
        patch.start()
        self.addCleanup(patch.stop)

    def load(self, **variables: str) -> dict[str, Any]:
        """Return the settings that these variables make."""
        with mock.patch.dict(os.environ, variables):
            return runpy.run_path(str(settings.BASE_DIR / "videostudio" / "settings.py"))

    def file(self, content: bytes | str) -> str:
        path = self.folder / f"file-{len(list(self.folder.iterdir()))}"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)


class VariableTests(EnvironmentTestCase):
    def test_there_is_a_sample_of_every_variable(self):
        text = (settings.BASE_DIR / "videostudio" / "settings.py").read_text()
        self.assertEqual(set(re.findall(r'\bread(?:_\w+)?\(\s*"([A-Z_]+)"', text)), SAMPLES.keys())

    def test_each_does_something_and_does_it_from_a_file_as_well(self):
        usual = self.load()
        for name, (value, setting) in SAMPLES.items():
            if name == "STUDIO_DATA_DIR":
                continue
            with self.subTest(name):
                made = self.load(**{name: value})[setting]
                self.assertNotEqual(made, usual[setting])
                self.assertEqual(self.load(**{f"{name}_FILE": self.file(f"{value}\n")})[setting], made)
                self.assertEqual(self.load(**{name: value, f"{name}_FILE": self.file("other")})[setting], made)

    def test_each_that_is_empty_counts_as_absent(self):
        usual = self.load()
        for name, (_, setting) in SAMPLES.items():
            if name == "STUDIO_DATA_DIR":
                continue
            with self.subTest(name):
                self.assertEqual(self.load(**{name: "  "})[setting], usual[setting])
                self.assertEqual(self.load(**{f"{name}_FILE": self.file("\n")})[setting], usual[setting])

    def test_what_is_usual(self):
        made = self.load()
        self.assertEqual((made["HOST"], made["PORT"], made["STUDIO_URL"]), ("127.0.0.1", 8000, "http://127.0.0.1:8000"))
        self.assertEqual((made["DEBUG"], made["HTTPS"], made["TRUST_PROXY"]), (False, False, False))
        self.assertEqual((made["STUDIO_SANDBOX"], made["POLL_SECONDS"]), ("auto", 5))
        self.assertEqual(made["COMETAPI"], {"key": "", "base_url": "https://api.cometapi.com"})
        self.assertEqual(made["COMPUTEVAULT"], {"key": "", "base_url": "https://computevault.unodetech.xyz"})
        self.assertEqual(made["FIRST_ACCOUNT"], {"username": "admin", "email": "", "password": ""})
        self.assertEqual(made["INITIAL_PASSWORD_FILE"], self.folder / "data" / "initial-password")
        database = made["DATABASES"]["default"]
        self.assertEqual(database["NAME"], str(self.folder / "data" / "studio.sqlite3"))
        self.assertNotEqual(database["CONN_MAX_AGE"], 0)
        self.assertEqual((database["OPTIONS"]["timeout"], database["OPTIONS"]["transaction_mode"]), (20, "IMMEDIATE"))
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            self.assertIn(pragma, database["OPTIONS"]["init_command"])

    def test_the_data_directory_is_closed_to_others_and_may_have_any_name(self):
        folder = self.folder / "a+b #1 100%"
        made = self.load(STUDIO_DATA_DIR=str(folder))
        self.assertEqual(folder.stat().st_mode & 0o777, 0o700)
        self.assertEqual(made["DATABASES"]["default"]["NAME"], str(folder / "studio.sqlite3"))
        self.assertEqual(made["CACHES"]["default"]["LOCATION"], str(folder / "cache"))
        of_queue = made["CACHES"][made["Q_CLUSTER"]["cache"]]  # what it writes every second needs no disk
        self.assertTrue(of_queue["BACKEND"].endswith("LocMemCache"))

    def test_secrets_are_made_once_into_the_data_directory(self):
        first, second = self.load(), self.load()
        for setting, name in (("SECRET_KEY", "secret-key"), ("FIELD_KEYS", "field-key")):
            self.assertEqual(first[setting], second[setting])
            path = self.folder / "data" / name
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)
            self.assertIn(path.read_text(), first[setting])
        self.assertNotEqual(first["SECRET_KEY"], first["FIELD_KEYS"][0])

    def test_given_secrets_leave_nothing_there(self):
        self.load(SECRET_KEY="x" * 50, STUDIO_FIELD_KEY="y" * 50, DATABASE_URL="postgres://127.0.0.1/x")
        self.assertFalse((self.folder / "data").exists())

    def test_a_database_server_s_password_is_read_as_it_is_meant(self):
        database = self.load(DATABASE_URL=SAMPLES["DATABASE_URL"][0])["DATABASES"]["default"]
        self.assertEqual((database["ENGINE"], database["PASSWORD"]), ("django.db.backends.postgresql", "p@ss"))
        self.assertNotIn("init_command", database.get("OPTIONS", {}))


class AddressTests(EnvironmentTestCase):
    def test_its_host_is_allowed_and_its_forms_are_trusted(self):
        made = self.load(STUDIO_URL="https://studio.example.com:8443/")
        for host in ("studio.example.com", "localhost", "127.0.0.1", "[::1]"):
            self.assertIn(host, made["ALLOWED_HOSTS"])
        self.assertEqual(made["CSRF_TRUSTED_ORIGINS"], ["https://studio.example.com:8443"])
        self.assertEqual(made["STUDIO_URL"], "https://studio.example.com:8443")

    def test_hosts_and_origins_named_beside_it_join_them(self):
        made = self.load(ALLOWED_HOSTS="a.example.com", CSRF_TRUSTED_ORIGINS="https://a.example.com")
        self.assertLessEqual({"a.example.com", "127.0.0.1"}, set(made["ALLOWED_HOSTS"]))
        self.assertEqual(made["CSRF_TRUSTED_ORIGINS"], ["https://a.example.com", "http://127.0.0.1:8000"])

    def test_https_switches_everything_that_goes_with_it(self):
        switches = (
            "SESSION_COOKIE_SECURE",
            "CSRF_COOKIE_SECURE",
            "LANGUAGE_COOKIE_SECURE",
            "SECURE_SSL_REDIRECT",
            "HTTPS",
        )
        for address, is_on in (("https://studio.example.com", True), ("http://studio.example.com", False)):
            made = self.load(STUDIO_URL=address)
            for switch in switches:
                with self.subTest(f"{address} {switch}"):
                    self.assertIs(made[switch], is_on)
            self.assertEqual(made["SECURE_HSTS_SECONDS"] > 0, is_on)
            self.assertEqual(made["SESSION_COOKIE_NAME"], "__Host-studio" if is_on else "studio")

    def test_a_proxy_is_believed_only_when_it_is_said_so(self):
        made = self.load(STUDIO_URL="https://studio.example.com")
        self.assertNotIn("SECURE_PROXY_SSL_HEADER", made)
        self.assertEqual(made["ALLAUTH_TRUSTED_PROXY_COUNT"], 0)
        made = self.load(STUDIO_URL="https://studio.example.com", STUDIO_TRUST_PROXY="1")
        self.assertEqual(made["SECURE_PROXY_SSL_HEADER"], ("HTTP_X_FORWARDED_PROTO", "https"))
        self.assertEqual(made["ALLAUTH_TRUSTED_PROXY_COUNT"], 1)

    def test_the_workers_reach_the_sandbox_wherever_the_site_listens(self):
        for host, origin in {
            "127.0.0.1": "http://127.0.0.1:8000",
            "0.0.0.0": "http://127.0.0.1:8000",  # noqa: S104
            "::": "http://[::1]:8000",
            "::1": "http://[::1]:8000",
            "192.0.2.7": "http://192.0.2.7:8000",
        }.items():
            with self.subTest(host):
                made = self.load(HOST=host)
                self.assertEqual(made["SANDBOX_ORIGIN"], origin)
                self.assertIn(origin.removeprefix("http://").removesuffix(":8000"), made["ALLOWED_HOSTS"])


class BadValueTests(EnvironmentTestCase):
    def test_a_bad_value_is_refused_with_its_name_and_what_it_takes(self):
        for name, value in (
            ("PORT", "0"),
            ("PORT", "65536"),
            ("PORT", "http"),
            ("PORT", "nan"),
            ("PORT", "80.5"),
            ("HOST", "http://127.0.0.1"),
            ("HOST", "two words"),
            ("STUDIO_SANDBOX", "maybe"),
            ("LOG_LEVEL", "loud"),
            ("DEFAULT_FROM_EMAIL", "nobody"),
            ("STUDIO_POLL_SECONDS", "0.5"),
            ("STUDIO_POLL_SECONDS", "inf"),
            ("DEBUG", "perhaps"),
            ("STUDIO_TRUST_PROXY", "2"),
            ("STUDIO_URL", "studio.example.com"),
            ("STUDIO_URL", "ftp://studio.example.com"),
            ("STUDIO_URL", "https://"),
            ("STUDIO_URL", "https://["),
            ("STUDIO_URL", "https://studio.example.com:99999"),
            ("STUDIO_URL", "https://studio.example.com:x"),
            ("STUDIO_URL", "https://user:pass@studio.example.com"),
            ("STUDIO_URL", "https://studio.example.com/?q"),
            ("COMETAPI_BASE_URL", "https://api.example.com/#x"),
            ("COMPUTEVAULT_BASE_URL", "api.example.com"),
        ):
            sentence = f"{name} is {value!r}; it takes "
            with self.subTest(sentence), self.assertRaisesMessage(ImproperlyConfigured, sentence):
                self.load(**{name: value})

    def test_one_bad_entry_of_a_list_is_named(self):
        for name, value, entry in (
            ("ALLOWED_HOSTS", "a.example.com,https://b.example.com", "https://b.example.com"),
            ("ALLOWED_HOSTS", "a.example.com:8000", "a.example.com:8000"),
            ("CSRF_TRUSTED_ORIGINS", "b.example.com", "b.example.com"),
            ("CSRF_TRUSTED_ORIGINS", "https://b.example.com/path", "https://b.example.com/path"),
        ):
            sentence = f"{name} has {entry!r}; it takes "
            with self.subTest(sentence), self.assertRaisesMessage(ImproperlyConfigured, sentence):
                self.load(**{name: value})
        for name, value in (
            ("ALLOWED_HOSTS", "*,.example.com,[::1],192.0.2.7,my_host"),
            ("CSRF_TRUSTED_ORIGINS", "https://*.example.com,http://[::1]:8000,https://a.example.com:8443"),
        ):
            self.load(**{name: value})

    def test_a_database_or_a_cache_that_cannot_be_used_is_refused_without_its_password(self):
        for name, value in (
            ("DATABASE_URL", "junk-hidden"),
            ("DATABASE_URL", "mysql://user:hidden@host/name"),
            ("DATABASE_URL", "postgres://user:hidden@host:port/name"),
            ("DATABASE_URL", "postgres://user:hidden@host"),
            ("DATABASE_URL", "sqlite://"),
            ("CACHE_URL", "junk-hidden"),
            ("CACHE_URL", "redis://:hidden@host:6379/0"),
            ("CACHE_URL", "filecache://"),
            ("CACHE_URL", "filecache:///dev/null/cache"),
        ):
            with self.subTest(value), self.assertRaises(ImproperlyConfigured) as caught:
                self.load(**{name: value})
            self.assertIn(name, str(caught.exception))
            self.assertIn("It takes ", str(caught.exception))
            self.assertNotIn("hidden", str(caught.exception))

    def test_a_data_directory_that_cannot_be_one_is_refused(self):
        for path in (f"{self.file('')}/data", self.file("")):
            with self.subTest(path), self.assertRaisesMessage(ImproperlyConfigured, f"STUDIO_DATA_DIR is {path}, "):
                self.load(STUDIO_DATA_DIR=path)

    def test_a_bad_mail_address_is_refused_without_its_password(self):
        for value in (
            "nonsense",
            "ftp://user:hidden@host",
            "smtp://user:hidden@host:port",
            "smtp://user:hidden@",
            "smtp://[",
        ):
            with self.subTest(value):
                with self.assertRaises(ImproperlyConfigured) as caught:
                    self.load(EMAIL_URL=value)
                self.assertTrue(str(caught.exception).startswith("EMAIL_URL "), caught.exception)
                self.assertNotIn("hidden", str(caught.exception))

    def test_a_file_that_cannot_be_read_is_named(self):
        for path in ("/nowhere/key", str(self.folder), self.file(b"\xff\xfe\x00")):
            with self.subTest(path), self.assertRaisesMessage(ImproperlyConfigured, f"COMETAPI_KEY_FILE names {path}"):
                self.load(COMETAPI_KEY_FILE=path)


class ReadingTests(EnvironmentTestCase):
    def test_the_first_line_of_a_file_is_the_value(self):
        for content, value in (
            ("one\n", "one"),
            (" one \r\ntwo\n", "one"),
            ("\ufeffone", "one"),
            ("", "usual"),
            ("\ntwo", "usual"),
        ):
            with self.subTest(content), mock.patch.dict(os.environ, {"TRIED_FILE": self.file(content)}):
                self.assertEqual(read("TRIED", "usual"), value)

    def test_lists_have_no_empty_parts(self):
        with mock.patch.dict(os.environ, {"TRIED": " a ,, b,"}):
            self.assertEqual(read_list("TRIED"), ["a", "b"])

    def test_mailers_of_every_kind_can_be_made(self):
        for url, kind in {
            "smtp://mail.example.com": "smtp",
            "smtp+tls://user:p%40ss@mail.example.com:587": "smtp",
            "smtp+ssl://mail.example.com:465": "smtp",
            "consolemail://": "console",
            f"filemail://{self.folder}/mail": "filebased",
            "memorymail://": "locmem",
            "dummymail://": "dummy",
        }.items():
            with self.subTest(url), mock.patch.dict(os.environ, {"EMAIL_URL": url}):
                mailer = read_mailer("EMAIL_URL")
                self.assertIn(f".{kind}.", mailer["BACKEND"])
                with override_settings(MAILERS={"default": mailer}):
                    self.assertIn(kind, type(mailers["default"]).__module__)
        self.assertEqual(read_mailer_options("smtp+tls://user:p%40ss@mail.example.com:587")["password"], "p@ss")


def read_mailer_options(url: str) -> dict[str, Any]:
    with mock.patch.dict(os.environ, {"EMAIL_URL": url}):
        return read_mailer("EMAIL_URL")["OPTIONS"]


class SecretTests(EnvironmentTestCase):
    def test_many_processes_at_once_agree_on_one(self):
        path, found = self.folder / "new" / "secret", []
        barrier = threading.Barrier(8)

        def take() -> None:
            barrier.wait()
            found.append(kept_secret(path))

        threads = [threading.Thread(target=take) for _ in range(8)]
        with mock.patch("videostudio.environment.os.getpid", side_effect=threading.get_ident):
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(found, [path.read_text()] * 8)
        self.assertEqual([file.name for file in path.parent.iterdir()], ["secret"])

    def test_one_that_broke_off_leaves_none_and_the_next_start_makes_it(self):
        path = self.folder / "secret"
        with (
            mock.patch("videostudio.environment.os.fsync", side_effect=OSError("no space")),
            self.assertRaises(OSError),
        ):
            kept_secret(path)
        self.assertFalse(path.exists())
        self.assertGreaterEqual(len(kept_secret(path)), 50)

    def test_an_emptied_file_is_not_taken_for_a_secret(self):
        path = self.folder / "secret"
        path.write_text("\n")
        with self.assertRaisesMessage(ImproperlyConfigured, f"{path} is empty."):
            kept_secret(path)


class HttpsTests(TestCase):
    """What https means for requests."""

    @override_settings(SECURE_SSL_REDIRECT=True, ALLOWED_HOSTS=["studio.example.com", "127.0.0.1", "testserver"])
    def test_everything_but_health_and_sandbox_moves_to_https(self):
        client = Client()
        response = client.get("/generations/?q=fox", headers={"Host": "studio.example.com"})
        self.assertEqual(
            (response.status_code, response.headers["Location"]), (301, "https://studio.example.com/generations/?q=fox")
        )
        for path in ("/healthz", "/readyz", "/sandbox/v1/videos/x"):
            with self.subTest(path):
                self.assertNotEqual(client.get(path, headers={"Host": "127.0.0.1"}).status_code, 301)

    @override_settings(SECURE_HSTS_SECONDS=31_536_000)
    def test_hsts_is_said_over_https(self):
        response = Client().get("/healthz", secure=True)
        self.assertEqual(response.headers["Strict-Transport-Security"], "max-age=31536000")

    def test_a_host_that_is_not_the_studio_s_is_refused(self):
        response = Client().get("/accounts/login/", headers={"Host": "evil.example"})
        self.assertContains(response, "could not be read", status_code=400)
