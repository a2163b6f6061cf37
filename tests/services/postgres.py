"""A PostgreSQL server of a test's own, which may be stopped as hard as a power cut and started again."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from tests.services.base import cannot_test
from tests.services.studio import free_port

OWNERS = ("postgres", "nobody")  # who runs the server when the test is root: PostgreSQL refuses to


def binaries() -> Path:
    """Return the folder with initdb and pg_ctl, the newest there is; ends the test when there is none."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True
    )
    if pg_config := shutil.which("pg_config"):
        told = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=True)
        folders.insert(0, Path(told.stdout.strip()))
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    cannot_test(
        "no PostgreSQL server on this machine: install one (Debian: apt install postgresql) with initdb and pg_ctl"
    )


class PostgresServer:
    """Runs from `with PostgresServer() as server:` on, on a port of its own; trusts everybody on this machine."""

    def __init__(self) -> None:
        self.binaries = binaries()
        self.scratch = tempfile.TemporaryDirectory(prefix="videostudio-postgres-")
        self.folder = Path(self.scratch.name)
        self.port = free_port()
        self.as_owner: dict = {}
        if os.geteuid() == 0:
            known = {entry.pw_name: entry for entry in pwd.getpwall()}
            owner = next(known[name] for name in OWNERS if name in known)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            self.as_owner = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._run("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop()
        self.scratch.cleanup()

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        # Without fsync: processes are killed here, not the machine, whose own memory of the files lives on.
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        self._run("pg_ctl", "start", "--wait", "--timeout=120", "--options", options, "--log", self.folder / "log")

    def stop(self) -> None:
        """Stop it at once: connections break off, nothing is written out, the next start recovers."""
        self._run("pg_ctl", "stop", "--mode=immediate", "--timeout=60")

    def _run(self, program: str, *arguments: str | Path) -> None:
        command = [self.binaries / program, "--pgdata", self.folder / "data", *arguments]
        # A file, not a pipe: the server keeps it open for as long as it runs.
        with (self.folder / "said").open("w+") as said:
            code = subprocess.run(command, cwd=self.folder, stdout=said, stderr=said, **self.as_owner).returncode
            said.seek(0)
            assert code == 0, f"{program}: {said.read()}"
