import shutil
import subprocess

import pytest


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """`BASE/NAME/VERSION`: an encoder in two versions, a text model, and oddities."""
    from tests.serving import models

    base = tmp_path_factory.mktemp("models")
    models.write_encoder(base / "enc", 1)
    models.write_encoder(base / "enc", 2, scale=2.0)
    models.write_text(base / "text")
    models.write_odd(base / "odd")
    return base


@pytest.fixture(scope="session")
def server(published):
    """One embedded server for the whole session, with every version of every model."""
    from serving.server import EmbeddedServer, ModelConfig, ServerOptions

    configs = [
        ModelConfig(name, str(published / name), every=True) for name in ("enc", "text", "odd")
    ]
    with EmbeddedServer(configs, ServerOptions(file_system_poll_wait_seconds=0.1)) as running:
        yield running


@pytest.fixture
def client(server):
    from serving import Client

    with Client(server.address, "enc", timeout=20) as opened:
        yield opened


@pytest.fixture(scope="session")
def pem(tmp_path_factory):
    """A directory with NAME.pem and NAME.key of `server` (for localhost) and of `client`."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl to make certificates")
    home = tmp_path_factory.mktemp("pem")
    for name in ("server", "client"):
        command = (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
            f" -subj /CN=localhost -addext subjectAltName=DNS:localhost"
            f" -keyout {home}/{name}.key -out {home}/{name}.pem"
        )
        subprocess.run(command.split(), check=True, capture_output=True)
    return home
