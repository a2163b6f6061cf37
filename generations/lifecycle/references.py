"""Images that programs name by a link: fetched here and now, under the same guard as everything else."""

import threading
from urllib.parse import urlsplit

from django.conf import settings

from generations.gateways import GatewayError
from generations.gateways.http import Endpoint, open_download

SECONDS = 20.0  # from the first lookup to the last byte
AT_ONCE = 4  # threads of the web server that may wait for somebody else's server

_slots = threading.BoundedSemaphore(AT_ONCE)


class NotFetched(Exception):
    """The link did not lead to a file that may be taken; the message says why to a person."""


class FetchingBusy(Exception):
    """Enough links are being fetched already; it works again in seconds."""


def fetch_reference(url: str, *, most_bytes: int) -> bytes:
    """Return what lies at a link: https only, on the public internet, no key of ours sent along.

    Raises NotFetched, FetchingBusy.
    """
    if not has_host(url):
        raise NotFetched("The link names no host.")
    nobody = Endpoint("https://reference.invalid", "", settings.PRIVATE_HOSTS, settings.USER_AGENT)
    if not _slots.acquire(blocking=False):
        raise FetchingBusy
    try:
        with open_download(
            nobody, url, connect=5, first_byte=10, overall=SECONDS, most_bytes=most_bytes, window=5
        ) as download:
            return b"".join(download.chunks())
    except GatewayError as error:
        raise NotFetched(str(error)) from error
    finally:
        _slots.release()


def has_host(url: str) -> bool:
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:  # brackets that do not match
        return False
