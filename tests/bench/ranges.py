"""The row of stored files: one MB of a video at a time, its permission checked, beside nginx that checks nothing."""

import contextlib
import getpass
import http.client
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Figure, middle
from tests.bench.machine import SimulatedUpstream, end
from tests.bench.place import only_reaching, place
from tests.bench.web import web
from tests.processes import wait_for
from tests.services.studio import free_port

MB = 1024**2
SIZE = 20 * MB
READERS, ASKED, ROUNDS = 4, 150, 5  # ASKED pieces for each reader and round
STORED = f"""
import os
from django.conf import settings
from django.core.management import call_command
from generations.models import Generation
call_command("load_demo", "20")
row = Generation.objects.filter(status="completed").latest("pk")
path = settings.MEDIA_ROOT / "videos" / "large.mp4"
path.parent.mkdir(parents=True, exist_ok=True)
path.write_bytes(os.urandom({SIZE}))
Generation.objects.filter(pk=row.pk).update(file="videos/large.mp4", sha256="0" * 64, purged_at=None)
print(row.uuid)
"""
CONFIG = """
daemon off; user {user}; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; sendfile on; tcp_nopush off; default_type video/mp4;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


def ranges() -> Iterator[Figure]:
    """One MB from random places of a stored video: MB/s beside nginx with sendfile, where there is one."""
    command = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/opt/homebrew/bin")
    if command is None:
        print("no nginx here, so without the figure of ranges", file=sys.stderr)
        return
    with SimulatedUpstream(1) as upstream, place("SQLite", upstream, **only_reaching(upstream)) as studio:
        uuid = studio.shell(STORED).split()[-1]
        media = studio.data / "media"
        with web(studio), nginx(command, media) as port:
            studio.sign_in()
            cookies = "; ".join(f"{name}={value}" for name, value in studio.client.cookies.items())
            ours = (studio.port, f"/generations/{uuid}/video/", {"Cookie": cookies})
            theirs = (port, "/videos/large.mp4", {})
            content = (media / "videos" / "large.mp4").read_bytes()
            for there in (ours, theirs):
                assert piece(connect(there), there, 5 * MB + 7) == content[5 * MB + 7 : 6 * MB + 7]
                speed(there)  # warm
            rounds = [(speed(ours), speed(theirs)) for _ in range(ROUNDS)]
    ratios = [mine / other for mine, other in rounds]
    mine, other = (middle(column) for column in zip(*rounds, strict=True))
    yield Figure(
        name="a range of 1 MB / nginx with sendfile",
        value=middle(ratios),
        unit="x",
        must=0.5,
        reach=0.7,
        is_more_better=True,
        baseline=f"{mine:,.0f} / {other:,.0f} MB/s, {READERS} readers",
        rounds=ratios,
    )


type There = tuple[int, str, dict[str, str]]  # port, path, headers


def connect(there: There) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", there[0], timeout=60)


def piece(line: http.client.HTTPConnection, there: There, start: int) -> bytes:
    _, path, headers = there
    line.request("GET", path, headers=headers | {"Range": f"bytes={start}-{start + MB - 1}"})
    answer = line.getresponse()
    content = answer.read()
    assert (answer.status, len(content)) == (206, MB), (answer.status, content[:500])
    return content


def speed(there: There) -> float:
    """Return the MB/s that some readers get together."""

    def read(seed: int) -> None:
        line, chance = connect(there), random.Random(seed)
        for _ in range(ASKED):
            piece(line, there, chance.randrange(SIZE - MB))

    readers = [threading.Thread(target=read, args=[number]) for number in range(READERS)]
    began = time.monotonic()
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    return READERS * ASKED / (time.monotonic() - began)


@contextlib.contextmanager
def nginx(command: str, root: Path) -> Iterator[int]:
    """Serve a folder on a free port, which is yielded."""
    with tempfile.TemporaryDirectory() as name:
        port, folder = free_port(), Path(name)
        folder.chmod(0o755)
        config = folder / "nginx.conf"
        config.write_text(CONFIG.format(user=getpass.getuser(), folder=folder, port=port, root=root))
        process = subprocess.Popen([command, "-c", str(config), "-p", name], start_new_session=True)
        try:
            wait_for(lambda: is_up(port), seconds=20, why="nginx does not listen")
            yield port
        finally:
            end([process])


def is_up(port: int) -> bool:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.suppress(OSError):
        line.request("GET", "/")
        return bool(line.getresponse().status)
    return False
