"""`manage.py studio`: the whole studio, web server and queue clusters, in one supervised process tree."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import FrameType

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections
from django.utils import timezone
from django_q.models import OrmQ

from generations import engine, queue
from generations.models import Gateway
from videostudio import desks, lifeline
from videostudio.premises import CannotStart, is_open_to_others, listening_address, only_one, wait_for_port
from videostudio.supervisor import Service, Supervisor

WEB_THREADS = 16
NOT_FOR_OTHERS = 0o027  # the group of the account may read, for backups


class Command(BaseCommand):
    help = "Sets up what is missing, then serves the site and works on the queue until it is stopped."
    requires_system_checks = ()  # prepare checks, in a process of its own

    def handle(self, *args, **options) -> None:
        os.umask(NOT_FOR_OTHERS)  # and so in every process of the tree
        try:
            address = listening_address(settings.HOST)
            with only_one(settings.DATA_DIR):
                if is_open_to_others(settings.DATA_DIR):
                    self.stdout.write(
                        f"Other accounts of this machine can look into {settings.DATA_DIR}: "
                        f"chmod o= {settings.DATA_DIR} closes it."
                    )
                wait_for_port(address, settings.PORT)
                prepare()
                supervisor = Supervisor(services(address), DatabaseProbe(), greet=self._greet)
                code = supervisor.run()
        except CannotStart as problem:
            raise CommandError(str(problem)) from problem
        sys.exit(code)

    def _greet(self) -> None:
        self.stdout.write("\n".join(["", *greeting(), ""]))
        self.stdout.flush()


def prepare() -> None:
    """Run `manage.py prepare`, in a process whose memory goes with it. Raises SystemExit when it fails."""
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "prepare"]
    # In a session of its own: Ctrl-C comes to us, and it ends by SIGTERM without a trace.
    process = subprocess.Popen(command, start_new_session=True)  # noqa: S603

    def give_up(number: int, frame: FrameType | None) -> None:
        process.terminate()

    before = {number: signal.signal(number, give_up) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    code = process.wait()
    for number, handler in before.items():
        signal.signal(number, handler)
    if code:
        sys.exit(code if code > 0 else 0)


def services(address: str) -> list[Service]:
    """Return the programs that make a studio: the web server and each cluster of the queue."""
    web = Service(
        name="web",
        program=(
            *("-m", "granian", "videostudio.wsgi:application", "--interface", "wsgi"),
            *("--host", address, "--port", str(settings.PORT)),
            *("--workers", "1", "--blocking-threads", str(WEB_THREADS)),
            *("--respawn-failed-workers", "--respawn-interval", "0.2", "--workers-kill-timeout", "10"),
            *("--log-level", "error", "--no-ws", "--no-access-log"),
        ),
        site=(address, settings.PORT),
    )
    clusters = [
        Service(
            name=f"{cluster} cluster",
            program=("manage.py", "qcluster", "--skip-checks"),  # `prepare` has run them
            environment={
                "Q_CLUSTER_NAME": cluster,
                lifeline.WIRE_VARIABLE: str(wire_lock()),
                desks.FOLDER_VARIABLE: str(desks.make(desks_of(cluster))),
            },
            cluster=cluster,
            pays=cluster == "submit",
        )
        for cluster in queue.CLUSTERS
    ]
    return [web, *clusters]


def wire_lock() -> Path:
    """Return the file that is locked while a paid request may be on the wire.

    An open attempt in the database would not tell whether the process that sends it still lives.
    """
    return settings.DATA_DIR / "wire.lock"


def desks_of(cluster: str) -> Path:
    """Return the folder in which each step at work in a cluster has a file."""
    return settings.DATA_DIR / "desks" / cluster


class DatabaseProbe:
    """The supervisor's questions, each on a connection that is known to be fresh."""

    def send_canary(self, cluster: str) -> int:
        return self._ask(lambda: engine.send_canary(cluster))

    def canary_at(self, cluster: str) -> datetime | None:
        return self._ask(lambda: engine.canary_at(cluster))

    def message_is_taken(self, pk: int) -> bool:
        return self._ask(lambda: engine.message_is_taken(pk))

    def message_waits(self, pk: int) -> bool:
        return self._ask(lambda: engine.message_waits(pk))

    def last_beat(self, cluster: str) -> datetime | None:
        if cluster == "submit":
            return timezone.now() if self.is_create_on_the_wire() else None
        return self._ask(lambda: engine.last_beat(cluster))

    def is_idling(self, cluster: str, seconds: float) -> bool:
        if cluster == "poll":  # a poller works beside a free worker all the time; what it is for, it does
            return False
        folder = desks_of(cluster)
        return desks.is_still(folder, seconds) and desks.count(folder) < queue.workers(cluster)

    def is_create_on_the_wire(self) -> bool:
        return lifeline.is_announced(wire_lock())

    def hand_out_again(self, cluster: str) -> None:
        now = timezone.now()
        self._ask(lambda: OrmQ.objects.filter(key=cluster, lock__gt=now).update(lock=now))

    def _ask[T](self, question: Callable[[], T]) -> T:
        close_old_connections()
        return question()


def greeting() -> list[str]:
    """Return what a person needs to begin: the address, how to sign in, and whether clips are real."""
    lines = [f"VideoStudio is ready: {settings.STUDIO_URL}/"]
    if settings.INITIAL_PASSWORD_FILE.exists():
        name, path = settings.FIRST_ACCOUNT["username"], settings.INITIAL_PASSWORD_FILE
        lines.append(f"Sign in as {name}; the password is in {path} until its first use.")
    if Gateway.objects.all().sandbox():
        lines.append("The sandbox is on: it draws clips from your prompts, free of charge, with no model behind them.")
        lines.append(
            "For real videos set COMETAPI_KEY or COMPUTEVAULT_KEY (see .env.example), or add a gateway in the admin."
        )
    else:
        names = ", ".join(Gateway.objects.usable().values_list("name", flat=True)) or "none"
        lines.append(f"Gateways: {names}. The sandbox is off.")
    lines.append("Ctrl-C stops it.")
    return lines
