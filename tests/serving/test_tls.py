"""Where clients connect to, and how they encrypt."""

import socket
import subprocess

import grpc
import numpy as np
import pytest
from click.testing import CliRunner

import serving
from serving import TLS, Client
from serving.channel import open_channel, resolve
from serving.cli import main
from tests.serving.stub_server import StubServer

ROWS = np.ones((1, 2), np.float32)


def secure_server(pem, mutual=False, **options):
    pairs = [((pem / "server.key").read_bytes(), (pem / "server.pem").read_bytes())]
    trusted = (pem / "client.pem").read_bytes() if mutual else None
    return StubServer(credentials=grpc.ssl_server_credentials(pairs, trusted, mutual), **options)


@pytest.mark.parametrize("half", [{"certificate": "client.pem"}, {"key": "client.key"}])
def test_a_certificate_and_its_key_go_together(half):
    with pytest.raises(serving.InvalidInput, match="go together"):
        TLS(**half)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"ca": "absent.pem"}, "TLS ca .*absent.pem: No such file"),
        ({"ca": "."}, "TLS ca .*: Is a directory"),
        ({"ca": "words"}, "TLS ca .*words: holds no PEM certificates"),
        ({"certificate": "words", "key": "client.key"}, "not a PEM certificate and the key"),
        ({"certificate": "client.pem", "key": "words"}, "not a PEM certificate and the key"),
        ({"certificate": "client.pem", "key": "server.key"}, "the key that belongs to it"),
        ({"certificate": "client.pem", "key": "locked.key"}, "encrypted"),
    ],
)
def test_files_that_are_no_credentials_are_told(pem, names, message):
    (pem / "words").write_text("no certificate")
    lock = f"openssl pkcs8 -topk8 -in {pem}/client.key -out {pem}/locked.key -passout pass:secret"
    subprocess.run(lock.split(), check=True, capture_output=True)
    with pytest.raises(serving.InvalidInput, match=message):
        Client("localhost:1", "m", tls=TLS(**{key: pem / name for key, name in names.items()}))


def test_what_is_no_tls_is_told():
    with pytest.raises(serving.InvalidInput, match=r"serving\.TLS"):
        Client("localhost:1", "m", tls=True)


def test_several_addresses_are_balanced_over_tls(pem):
    with secure_server(pem) as one, secure_server(pem) as other:
        named = TLS(pem / "server.pem", server_name="localhost")
        cases = [
            ([f"localhost:{one.port}", f"localhost:{other.port}"], TLS(pem / "server.pem")),
            ([f"localhost:{one.port}", other.address], named),
            ([one.address, other.address], named),
        ]
        for targets, tls in cases:
            one.requests.clear()
            other.requests.clear()
            with Client(targets, "m", tls=tls, timeout=10) as client:
                client.wait_until_ready(10)
                for _ in range(40):
                    client.embed(ROWS)
                    if one.requests and other.requests:
                        break
            assert one.requests
            assert other.requests


def test_several_hosts_over_tls_need_the_name_to_check():
    targets = ["10.0.0.1:8500", "10.0.0.2:8500"]
    with pytest.raises(serving.InvalidInput, match=r"server_name=.*10\.0\.0\.1, 10\.0\.0\.2"):
        resolve(targets, TLS())
    assert resolve(targets, TLS(server_name="models"))[1] is None
    assert resolve(targets) == ("ipv4:10.0.0.1:8500,10.0.0.2:8500", "10.0.0.1:8500")


def test_a_name_is_left_to_grpc_which_balances_over_its_addresses():
    assert resolve("models:8500") == ("dns:///models:8500", None)
    assert resolve("dns:8500") == ("dns:///dns:8500", None)
    for whole in (
        "127.0.0.1:8500",
        "[::1]:8500",
        "unix:/tmp/s",
        "dns:///a:1",
        "ipv4:1.2.3.4:1",
        "localhost:1",
    ):
        assert resolve(whole) == (whole, None)


def test_addresses_of_ipv6_are_listed():
    assert resolve(["[::1]:1", "[::1]:2"])[0] == "ipv6:[::1]:1,[::1]:2"
    assert resolve(["[::1]:1", "127.0.0.1:2"])[0] == "ipv6:[::1]:1,[::ffff:127.0.0.1]:2"


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="needs IPv6")
def test_servers_of_both_kinds_are_balanced():
    with StubServer(host="[::1]") as six, StubServer() as four:
        with Client([six.address, four.address], "m", timeout=10) as client:
            for _ in range(40):
                client.embed(ROWS)
        assert six.requests
        assert four.requests


@pytest.mark.parametrize(
    "target",
    [
        *("http://localhost:8500", "grpc://localhost:8500", "localhost", "localhost:0", ":8500"),
        *("localhost:http", "localhost:99999", "::1:8500", "[1.2.3.4]:80", "a b:80", "a/b:80", ""),
        *(["localhost:8500", "http://b:8500"], [8500], 8500, None),
    ],
)
def test_what_is_no_target_is_told(target):
    with pytest.raises(serving.InvalidInput, match="host:port"):
        Client(target, "m")


def test_targets_are_one_kind():
    with pytest.raises(serving.InvalidInput, match="several targets"):
        open_channel(["localhost:8500", "unix:/tmp/s"])


def test_commands_take_credentials(pem, tmp_path):
    np.save(tmp_path / "rows.npy", ROWS)
    own = ("--certificate", pem / "client.pem", "--private-key", pem / "client.key")
    with secure_server(pem, mutual=True) as server:
        whole = (*own, "--ca", pem / "server.pem", "--server-name", "localhost")
        rows = (tmp_path / "rows.npy", "--out", tmp_path / "e.npy", "--server", server.address)
        golden = ("--golden", tmp_path / "absent")
        cases = {
            ("embed", "m", *rows, *whole): (0, "e.npy"),
            ("embed", "m", *rows, *own[:2]): (2, "go together"),
            ("replay", server.address, "m", *golden, *whole): (2, "no recorded answers"),
            ("replay", server.address, "m", *golden, "--ca", pem / "no"): (2, "TLS ca"),
        }
        for command, (code, said) in cases.items():
            result = CliRunner().invoke(main, [*map(str, command)])
            assert (result.exit_code, said in result.output) == (code, True), result.output
