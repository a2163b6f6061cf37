"""A disk of a test's own, which can run full and become read-only: a file system in memory, mounted by root."""

import mmap
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from tests.services.base import cannot_test

MEGABYTE = 1024 * 1024


class SmallDisk:
    """Runs from `with SmallDisk(megabytes) as disk:` on; `folder` is where it is mounted."""

    def __init__(self, megabytes: int) -> None:
        self.megabytes = megabytes
        self.scratch = tempfile.TemporaryDirectory(prefix="videostudio-disk-")
        self.folder = Path(self.scratch.name)

    def __enter__(self) -> Self:
        options = f"size={self.megabytes}m,mode=0755,uid={os.geteuid()},gid={os.getegid()}"
        problem = self._as_root("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder))
        if problem:
            self.scratch.cleanup()
            cannot_test(f"no file system can be mounted to run full: {problem}")
        return self

    def __exit__(self, *error: object) -> None:
        problem = self._as_root("umount", "--lazy", str(self.folder))
        assert not problem, problem
        self.scratch.cleanup()

    def fill_but(self, megabytes: int) -> None:
        """Let something else take the room, all but so many megabytes."""
        with (self.folder / "something-else").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(self.folder).free - megabytes * MEGABYTE)

    def run_full(self) -> None:
        """Leave not one block free, whoever is writing just now."""
        for _ in range(20):  # what is written between the look and the remount makes the size too small, and refused
            used = max(shutil.disk_usage(self.folder).used, mmap.PAGESIZE)  # size=0 would mean without a limit
            if not (problem := self._try_remount(f"size={used}")):
                return
        raise AssertionError(problem)

    def make_room(self) -> None:
        (self.folder / "something-else").unlink(missing_ok=True)
        self._remount(f"size={self.megabytes}m")

    def become_read_only(self) -> None:
        self._remount("ro")

    def become_writable(self) -> None:
        self._remount("rw")

    def _remount(self, options: str) -> None:
        problem = self._try_remount(options)
        assert not problem, problem

    def _try_remount(self, options: str) -> str:
        return self._as_root("mount", "-o", f"remount,{options}", str(self.folder))

    def _as_root(self, *command: str) -> str:
        """Run a command as root, and return what went wrong."""
        prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
        try:
            ran = subprocess.run([*prefix, *command], capture_output=True, text=True)
        except FileNotFoundError as error:
            return str(error)
        return ran.stderr.strip() or f"exit code {ran.returncode}" if ran.returncode else ""
