"""One server for all contract tests: `--target HOST:PORT`, or the embedded one (`--engine`)."""

from pathlib import Path

import grpc
import pytest
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc


def pytest_addoption(parser):
    parser.addoption(
        "--target", help="HOST:PORT of a running server; see tests/contract/publish.py"
    )
    parser.addoption("--rest-target", help="HOST:PORT of the same server's REST API.")
    parser.addoption(
        "--engine",
        choices=["tensorflow", "onnxruntime"],
        default="tensorflow",
        help="What computes in the embedded server, where no target is given.",
    )
    parser.addoption("--models", help="The directory that publish.py wrote, for tests of reload.")


@pytest.fixture(scope="session")
def models_config(request, tmp_path_factory):
    from tests.contract.publish import publish

    given = request.config.getoption("--models", default=None)
    if given:
        return Path(given) / "models.config"
    if request.config.getoption("--target", default=None):
        return None
    onnx = request.config.getoption("--engine", default=None) == "onnxruntime"
    return publish(tmp_path_factory.mktemp("contract"), onnx)


@pytest.fixture(scope="session")
def targets(request, models_config):
    """Addresses of gRPC and of REST, which may be None."""
    given = request.config.getoption("--target", default=None)
    if given:
        yield given, request.config.getoption("--rest-target", default=None)
        return
    from serving.server import EmbeddedServer, ServerOptions, load_models_config, load_monitoring

    engine = request.config.getoption("--engine", default=None)
    options = ServerOptions(
        onnxruntime=engine == "onnxruntime",
        rest_api_port=0,
        metrics_path=load_monitoring(models_config.with_name("monitoring.config")),
    )
    with EmbeddedServer(load_models_config(models_config), options) as server:
        yield server.address, f"127.0.0.1:{server.rest_port}"


@pytest.fixture(scope="session")
def target(targets):
    return targets[0]


@pytest.fixture(scope="session")
def rest(targets):
    if targets[1] is None:
        pytest.skip("needs --rest-target HOST:PORT beside --target")
    return targets[1]


@pytest.fixture
def client(target):
    from serving import Client

    with Client(target, "enc", timeout=20) as opened:
        yield opened


@pytest.fixture(scope="session")
def channel(target):
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(target, options=options) as opened:
        grpc.channel_ready_future(opened).result(timeout=30)
        yield opened


@pytest.fixture(scope="session")
def prediction(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="session")
def model_service(channel):
    return model_service_pb2_grpc.ModelServiceStub(channel)
