"""Settings, read from the environment; docs/architecture.md section 8 lists every variable."""

from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.utils.csp import CSP

from videostudio import __version__
from videostudio.environment import (
    kept_secret,
    make_private,
    read,
    read_cache,
    read_choice,
    read_database,
    read_flag,
    read_folder,
    read_host,
    read_hosts,
    read_list,
    read_mailer,
    read_number,
    read_origins,
    read_sender,
    read_url,
    read_whole_number,
)

BASE_DIR = Path(__file__).resolve().parent.parent
environ.Env.read_env(BASE_DIR / ".env", overwrite=False)

DATA_DIR = read_folder("STUDIO_DATA_DIR", BASE_DIR / "data")
DEBUG = read_flag("DEBUG")
SECRET_KEY = read("SECRET_KEY") or kept_secret(DATA_DIR / "secret-key")
FIELD_KEYS = read_list("STUDIO_FIELD_KEY") or [kept_secret(DATA_DIR / "field-key")]
VERSION = __version__

# Where the site listens, and the address people type
HOST = read_host("HOST", "127.0.0.1")
PORT = read_whole_number("PORT", 8000, 1, 65535)
_host_in_url = f"[{HOST}]" if ":" in HOST else HOST
STUDIO_URL = read_url("STUDIO_URL", f"http://{_host_in_url}:{PORT}")
_site = urlsplit(STUDIO_URL)
HTTPS = _site.scheme == "https"
_named = f"[{_site.hostname}]" if ":" in str(_site.hostname) else _site.hostname
# HOST itself is allowed because the workers reach the sandbox there.
ALLOWED_HOSTS = [*read_hosts("ALLOWED_HOSTS"), _named, _host_in_url, "localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = [*read_origins("CSRF_TRUSTED_ORIGINS"), f"{_site.scheme}://{_site.netloc}"]
TRUST_PROXY = read_flag("STUDIO_TRUST_PROXY")
if TRUST_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# The studio
COMETAPI = {"key": read("COMETAPI_KEY"), "base_url": read_url("COMETAPI_BASE_URL", "https://api.cometapi.com")}
COMPUTEVAULT = {
    "key": read("COMPUTEVAULT_KEY"),
    "base_url": read_url("COMPUTEVAULT_BASE_URL", "https://computevault.unodetech.xyz"),
}
STUDIO_SANDBOX = read_choice("STUDIO_SANDBOX", "auto", ("auto", "on", "off"))
PRIVATE_HOSTS = frozenset(host.lower() for host in read_list("STUDIO_PRIVATE_HOSTS"))
POLL_SECONDS = read_number("STUDIO_POLL_SECONDS", 5, 1, 60)
CATALOG_DIR = read("STUDIO_CATALOG_DIR")
RECEIPTS_DIR = DATA_DIR / "receipts"
USER_AGENT = f"VideoStudio/{__version__}"
# The sandbox gateway is this very site: the workers reach it where the web server listens.
_loopback = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}  # noqa: S104
SANDBOX_ORIGIN = f"http://{_loopback.get(HOST, _host_in_url)}:{PORT}"
SANDBOX_DIR = DATA_DIR / "sandbox"
FIRST_ACCOUNT = {
    "username": read("STUDIO_ADMIN_USERNAME", "admin"),
    "email": read("STUDIO_ADMIN_EMAIL"),
    "password": read("STUDIO_ADMIN_PASSWORD"),
}
INITIAL_PASSWORD_FILE = DATA_DIR / "initial-password"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_q",
    "allauth",
    "allauth.account",
    "generations",  # last: its admin takes back what the others registered
]

MIDDLEWARE = [
    "videostudio.language.LanguageMiddleware",
    "generations.api.lane.lane",
    "videostudio.middleware.limit_body",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "videostudio.middleware.CompressPages",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "videostudio.middleware.StudioLoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "videostudio.urls"
WSGI_APPLICATION = "videostudio.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "generations.context_processors.studio",
            ],
            "builtins": ["django.templatetags.i18n"],
        },
    },
]

# Databases: SQLite in the data directory, or PostgreSQL by DATABASE_URL
_database = read_database("DATABASE_URL", DATA_DIR / "studio.sqlite3")
DATABASES = {"default": _database}
_database["CONN_MAX_AGE"] = 600
_database["CONN_HEALTH_CHECKS"] = True
if _database["ENGINE"].endswith("sqlite3"):
    _database["ENGINE"] = "videostudio.sqlite3"
    # FULL: a row that says "about to spend money" must survive a power cut. A checkpoint every 16 MB of the log, not
    # every 4: pages that many commits change are then copied once for all of them.
    _database["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4000;",
    } | _database.get("OPTIONS", {})
    if not read("DATABASE_URL"):
        make_private(DATA_DIR)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Shared between processes: sign-in limits are counted here.
CACHES = {
    "default": read_cache("CACHE_URL", DATA_DIR / "cache"),
    # What each cluster says of itself every second, which nobody reads: no file, and no error on a disk that is full.
    "queue": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "queue"},
}

# The queue, as measured: docs/architecture.md section 5
Q_CLUSTER = {
    "name": "videostudio",  # salts every message: never change it
    "cluster_name": "submit",
    "orm": "default",
    "broker_class": "generations.broker.TickBroker",
    "cache": "queue",
    "workers": 4,
    "queue_limit": 4,
    "bulk": 1,
    "poll": 0.2,
    "guard_cycle": 1,
    "timeout": 240,
    "retry": 760,
    "max_attempts": 3,
    "ack_failures": True,
    "save_limit": -1,
    "catch_up": False,
    "scheduler": False,
    "recycle": 500,
    "max_rss": 400_000,
    "label": "Queue",
    "ALT_CLUSTERS": {
        "download": {"workers": 3, "queue_limit": 3, "timeout": 900, "retry": 3600, "poll": 0.2},
        "poll": {"workers": 2, "queue_limit": 2, "timeout": 90, "retry": 400, "poll": 0.1},
    },
}

# People
AUTH_USER_MODEL = "generations.User"
AUTHENTICATION_BACKENDS = ["generations.people.StudioBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "generations.people.StudioAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_RATE_LIMITS = {"login": "60/m/ip", "login_failed": "20/5m/ip,5/5m/key"}
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if TRUST_PROXY else 0
EMAIL_CONFIGURED = bool(read("EMAIL_URL"))
if EMAIL_CONFIGURED:
    MAILERS = {"default": read_mailer("EMAIL_URL")}
DEFAULT_FROM_EMAIL = read_sender("DEFAULT_FROM_EMAIL", f"VideoStudio <studio@{_site.hostname}>")

# Cookies and headers
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-studio" if HTTPS else "studio"
SESSION_ENGINE = "generations.sessions"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^sandbox/"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "media-src": [CSP.SELF],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "manifest-src": [CSP.SELF],
    "object-src": [CSP.NONE],
    "base-uri": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    name: [] for name in ("accelerometer", "camera", "geolocation", "gyroscope", "magnetometer", "microphone", "usb")
}
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for subdomains is the domain owner's decision, not one application's
    "security.W021",  # so is preloading
]

# Files
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
MEDIA_ROOT = DATA_DIR / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
FILE_UPLOAD_PERMISSIONS = 0o640
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024  # fields only; files have limits of their own

# Language and time
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]  # each in its own words
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

_log_level = read_choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "scrub": {"()": "videostudio.scrubbing.ScrubFilter"},
        "away": {"()": "videostudio.quiet.AwayFilter"},
    },
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["scrub"]}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        name: {"handlers": ["console"], "level": _log_level, "propagate": False}
        for name in ("django", "generations", "videostudio")
    }
    | {
        "django-q": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "django.request": {"handlers": ["console"], "level": "ERROR", "propagate": False, "filters": ["away"]},
    },
}
