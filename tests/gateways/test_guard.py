"""Where requests may go. Names are resolved by a table here; nothing leaves this machine."""

import asyncio
import datetime
import socket
import ssl
import tempfile
from pathlib import Path
from unittest.mock import patch

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.test import SimpleTestCase

from generations.gateways import GatewayError, GatewayNotSent, GatewayUnclear, Message, guard
from generations.gateways import http as sending
from generations.gateways.http import Endpoint, Times, open_download, send_once
from generations.gateways.polls import AsyncSender

from . import wire

TIMES = Times(connect=2, write=2, read=1, overall=3)
GET = Message("GET", "/v1/videos/task")
EVIL_HOSTS = [
    "127.0.0.1",
    "localhost",
    "0.0.0.0",  # noqa: S104
    "2130706433",
    "0x7f.1",
    "0x7f000001",
    "0177.0.0.1",
    "127.1",
    "169.254.169.254",
    "10.0.0.1",
    "192.168.1.1",
    "172.16.0.1",
    "100.64.0.1",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fd00::1]",
    "[fe80::1]",
    "[fec0::1]",
]


def found(ip: str, port: int):
    return socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)


def resolving(table: dict[str, list[str]]):
    """Patch the resolver: these names have these addresses, in this order."""
    real = socket.getaddrinfo

    def lookup(host, port, *args, **kwargs):
        name = host.decode() if isinstance(host, bytes) else host
        if name not in table:
            return real(host, port, *args, **kwargs)
        return [found(ip, port) for ip in table[name]]

    return patch.object(guard.socket, "getaddrinfo", lookup)


async def poll(endpoint: Endpoint, message: Message = GET):
    async with AsyncSender(times=TIMES) as sender:
        return await sender.send(endpoint, message)


class AddressTests(SimpleTestCase):
    def test_global_addresses(self):
        for address in ("1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"):
            with self.subTest(address=address):
                self.assertTrue(guard.is_global(address))

    def test_every_other_address(self):
        others = [
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "198.18.0.1",
            "192.88.99.1",
            "2001::1",
            "ff02::1",
        ]
        others += [
            "3fff::1",
            "fe80::1%lo",
            "::ffff:100.64.0.1",
            "64:ff9b:1::1",
            "2001:db8::1",
            "",
            "2130706433",
            "host",
        ]
        for address in others:
            with self.subTest(address=address):
                self.assertFalse(guard.is_global(address))

    def test_hosts_and_ports_have_one_spelling(self):
        self.assertEqual(guard.host_port("LocalHost.", 80), "localhost:80")
        self.assertEqual(guard.host_port("::1", 80), guard.host_port("[::1]", 80))


class RefusalTests(SimpleTestCase):
    def test_evil_hosts_are_refused_by_all_three_ways_out(self):
        with wire.RawServer(wire.answers(wire.http(200, b"{}"))) as server:
            for host in EVIL_HOSTS:
                endpoint = Endpoint(f"http://{host}:{server.port}", "sk-key")
                with self.subTest(host=host):
                    with self.assertRaises(GatewayNotSent):
                        send_once(endpoint, GET, times=TIMES)
                    with self.assertRaises(GatewayError):
                        asyncio.run(poll(endpoint))
                    with self.assertRaises(GatewayError), open_download(endpoint, GET):
                        pass
            self.assertEqual(server.requests, [])

    def test_one_bad_address_among_good_ones_refuses_them_all(self):
        endpoint = Endpoint("http://mixed.example:8080", "sk-key")
        with resolving({"mixed.example": ["1.1.1.1", "127.0.0.1"]}):
            with self.assertRaisesRegex(GatewayNotSent, r"mixed.example:8080 leads to 127.0.0.1.*STUDIO_PRIVATE_HOSTS"):
                send_once(endpoint, GET, times=TIMES)
            with self.assertRaisesRegex(GatewayUnclear, "leads to 127.0.0.1"):
                asyncio.run(poll(endpoint))

    def test_a_private_host_is_exempt_by_name_and_port(self):
        with wire.RawServer(wire.answers(wire.http(200, b"{}"))) as server:
            table = {"studio.example": ["127.0.0.1"]}
            own = Endpoint(
                f"http://studio.example:{server.port}", "sk-key", frozenset({f"studio.example:{server.port}"})
            )
            other = Endpoint(own.base_url, "sk-key", frozenset({"studio.example:1", "127.0.0.1:80"}))
            with resolving(table):
                self.assertEqual(send_once(own, GET, times=TIMES).status, 200)
                self.assertEqual(asyncio.run(poll(own)).status, 200)
                with self.assertRaises(GatewayNotSent):
                    send_once(other, GET, times=TIMES)
                with self.assertRaises(GatewayUnclear):
                    asyncio.run(poll(other))
            self.assertEqual(len(server.requests), 2)
            self.assertIn(f"Host: studio.example:{server.port}".lower().encode(), server.requests[0].lower())

    def test_a_name_is_asked_for_once(self):
        asked = []
        with wire.RawServer(wire.answers(wire.http(200, b"{}"))) as server:

            def lookup(host, port, *args, **kwargs):
                asked.append(host)
                return [found("127.0.0.1" if len(asked) == 1 else "10.0.0.1", port)]

            name = f"rebinds.example:{server.port}"
            with patch.object(guard.socket, "getaddrinfo", lookup):
                send_once(Endpoint(f"http://{name}", "sk-key", frozenset({name})), GET, times=TIMES)
        self.assertEqual(asked, ["rebinds.example"])

    def test_a_dead_address_does_not_cost_the_live_one_its_chance(self):
        with wire.RawServer(wire.answers(wire.http(200, b"{}"))) as server:
            name = f"two.example:{server.port}"
            with resolving({"two.example": ["127.0.0.2", "127.0.0.1"]}):
                answer = send_once(Endpoint(f"http://{name}", "sk-key", frozenset({name})), GET, times=TIMES)
        self.assertEqual(answer.status, 200)

    def test_a_name_without_an_address_was_not_sent(self):
        for host in ("no-such-name.invalid", "a" * 70 + ".invalid"):
            with self.subTest(host=host), self.assertRaises(GatewayNotSent):
                send_once(Endpoint(f"http://{host}", "sk-key"), GET, times=TIMES)


class TlsTests(SimpleTestCase):
    """A certificate for gateway.example on loopback; the name is kept although the address is pinned."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.certificate = make_certificate("gateway.example", Path(folder))
        cls.trusting = ssl.create_default_context(cafile=str(cls.certificate))
        cls.server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        cls.server_side.load_cert_chain(cls.certificate)

    def ask(self, host: str, context: ssl.SSLContext):
        with wire.RawServer(wire.answers(wire.http(200, b"{}")), self.server_side) as server:
            name = f"{host}:{server.port}"
            with resolving({host: ["127.0.0.1"]}), patch.object(sending, "tls", lambda: context):
                return send_once(Endpoint(f"https://{name}", "sk-key", frozenset({name})), GET, times=TIMES)

    def test_the_right_name_is_trusted(self):
        self.assertEqual(self.ask("gateway.example", self.trusting).status, 200)

    def test_another_name_was_not_sent(self):
        with self.assertRaisesRegex(GatewayNotSent, "nothing was sent"):
            self.ask("other.example", self.trusting)

    def test_an_unknown_certificate_was_not_sent(self):
        with self.assertRaises(GatewayNotSent):
            self.ask("gateway.example", ssl.create_default_context())

    def test_a_server_without_tls_was_not_sent(self):
        with wire.RawServer(wire.answers(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
            endpoint = Endpoint(f"https://{server.host_port}", "sk-key", frozenset({server.host_port}))
            with self.assertRaises(GatewayNotSent):
                send_once(endpoint, GET, times=TIMES)


def make_certificate(host: str, folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path
