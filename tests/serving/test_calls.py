"""What calls raise, and what streams of them keep, against a server of a few lines."""

import asyncio
import threading

import grpc
import ml_dtypes
import numpy as np
import pytest

import serving
from serving import AsyncClient, Client
from serving.wire.codec import BY_NAME
from tests.serving.stub_server import EMBED, StubServer

ROWS = np.arange(40, dtype=np.float32).reshape(20, 2)
BAD = np.zeros((2, 3), np.float32)


def drain(kind, server, batches, **options):
    """Returns what `encode_many` yields, and what it raises."""
    got = []

    async def inside():
        async with AsyncClient(server.address, "m", **options) as client:
            async for answer in client.encode_many(batches, timeout=20):
                got.append(answer)

    try:
        if kind == "aio":
            asyncio.run(inside())
        else:
            with Client(server.address, "m", **options) as client:
                got.extend(client.encode_many(batches, timeout=20))
    except Exception as error:
        return got, error
    return got, None


@pytest.fixture(params=["blocking", "aio"])
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def stub():
    with StubServer() as server:
        yield server


def test_what_comes_before_a_bad_batch_is_answered(kind, stub):
    batches = [ROWS[:3], ROWS[3:9], ROWS[:0], BAD, ROWS[9:]]
    got, error = drain(kind, stub, batches, max_rows=4)
    assert isinstance(error, serving.InvalidInput)
    assert [len(answer) for answer in got] == [3, 6, 0]
    np.testing.assert_array_equal(np.concatenate(got), ROWS[:9])


def test_what_comes_before_an_error_of_the_source_is_answered(kind, stub):
    def source():
        yield ROWS[:1]
        yield ROWS[1:2]
        raise OSError("disk")

    got, error = drain(kind, stub, source())
    assert (len(got), str(error)) == (2, "disk")


def test_what_comes_before_a_failed_call_is_answered(kind):
    def fail(request):
        if request.inputs["inputs"].tensor_shape.dim[0].size == 3:
            return grpc.StatusCode.INTERNAL, "broken"
        return None

    with StubServer(fail=fail) as server:
        got, error = drain(kind, server, [ROWS[:1], ROWS[:2], ROWS[:3], ROWS[:4]])
    assert [len(answer) for answer in got] == [1, 2]
    assert isinstance(error, serving.ServerError)


def test_no_more_calls_are_under_way_than_asked_for(kind):
    with StubServer(pause=0.01) as server:
        got, error = drain(kind, server, [ROWS] * 6, max_rows=3, in_flight=4)
        assert error is None
        assert [len(answer) for answer in got] == [20] * 6
        assert server.most <= 4


def test_stopping_early_leaves_nothing_behind(stub, caplog):
    async def inside():
        async with AsyncClient(stub.address, "m", max_rows=2) as client:
            stream = client.encode_many([ROWS] * 5)
            await anext(stream)
            await stream.aclose()
            return await client.embed(ROWS)

    assert len(asyncio.run(inside())) == 20
    assert "never retrieved" not in caplog.text


@pytest.mark.parametrize("value", [np.float32([1.5, -2]), np.array([1.5, -2], ml_dtypes.bfloat16)])
def test_bfloat16_is_sent_as_bfloat16(kind, value):
    sides = ({"x": ("bfloat16", (None,))}, {"y": ("bfloat16", (None,))})

    async def inside(address):
        async with AsyncClient(address, "m") as client:
            return await client.predict("bf", x=value)

    with StubServer({"bf": sides}) as server:
        if kind == "aio":
            answer = asyncio.run(inside(server.address))
        else:
            with Client(server.address, "m") as client:
                answer = client.predict("bf", x=value)
        assert answer["y"].tolist() == [1.5, -2]
        assert server.requests[0].inputs["x"].dtype == BY_NAME["bfloat16"].number


def test_inputs_of_any_name_are_given_as_a_mapping(kind):
    names = ("timeout", "signature", "self")
    sides = tuple(dict.fromkeys(names, ("float32", (None,))) for _ in range(2))
    inputs = {name: [float(place)] for place, name in enumerate(names)}

    async def inside(address):
        async with AsyncClient(address, "m") as client:
            return await client.predict("s", inputs, timeout=5)

    with StubServer({"s": sides}) as server:
        if kind == "aio":
            answer = asyncio.run(inside(server.address))
        else:
            with Client(server.address, "m") as client:
                answer = client.predict("s", inputs, timeout=5)
                mixed = client.predict("s", {"timeout": [0.0]}, signature=[1.0], self=[2.0])
                assert mixed == answer
                with pytest.raises(serving.InvalidInput, match="given twice"):
                    client.predict("s", inputs, signature=[1.0])
                with pytest.raises(serving.InvalidInput, match="name of a signature first"):
                    client.predict(inputs)
                with pytest.raises(serving.InvalidInput, match="received float"):
                    client.predict("s", 5.0, signature=[1.0])
    assert {name: value.tolist() for name, value in answer.items()} == inputs


@pytest.mark.parametrize("timeout", [0, -1, "3", float("nan"), float("inf"), True, [1]])
def test_timeouts_are_seconds(stub, timeout):
    with pytest.raises(serving.InvalidInput, match="timeout must be a positive number"):
        Client(stub.address, "m", timeout=timeout)
    with Client(stub.address, "m") as client:
        calls = [
            lambda: client.embed(ROWS, timeout=timeout),
            lambda: client.predict("embed", inputs=ROWS, timeout=timeout),
            lambda: client.metadata(timeout=timeout),
            lambda: client.status(timeout=timeout),
            lambda: next(client.encode_many([ROWS], timeout=timeout)),
        ]
        for call in calls:
            with pytest.raises(serving.InvalidInput, match="timeout must be a positive number"):
                call()


def test_a_very_long_timeout_is_one(stub):
    with Client(stub.address, "m", timeout=1e18) as client:
        assert len(client.embed(ROWS)) == 20


@pytest.mark.parametrize(
    "options",
    [
        *({"version": 2**63}, {"version": -1}, {"version": "1"}, {"version": 1.5}),
        *({"label": ""}, {"label": 3}, {"version": 1, "label": "stable"}, {"timeout": None}),
        *({"max_rows": 0}, {"max_rows": 2.5}, {"max_bytes": 0}, {"in_flight": "4"}),
        *({"metadata": [("a",)]}, {"metadata": [("a b", "x")]}, {"metadata": {"a": 3}}),
        *({"metadata": {"token": "secret\n"}}, {"metadata": {"a-bin": "x"}}),
    ],
)
def test_options_are_checked(options):
    with pytest.raises(serving.InvalidInput) as caught:
        Client("localhost:1", "m", **options)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("model", ["", None, b"m"])
def test_a_model_is_a_name(model):
    with pytest.raises(serving.InvalidInput, match="model must be a name"):
        Client("localhost:1", model)


def test_metadata_is_sent(stub):
    with Client(
        stub.address, "m", version=np.int64(3), metadata={"Authorization": "Bearer x"}
    ) as client:
        client.embed(ROWS)
    assert stub.requests[-1].model_spec.version.value == 3


@pytest.mark.parametrize(
    ("code", "details", "kind", "message"),
    [
        ("UNAVAILABLE", "draining", serving.ServerUnavailable, "is not available (draining)"),
        ("UNAVAILABLE", "", serving.ServerUnavailable, "is not available"),
        (
            "UNAVAILABLE",
            "The batch scheduling queue to which this task was submitted is full",
            serving.Overloaded,
            "The batch scheduling queue to which this task was submitted is full",
        ),
        (
            "INVALID_ARGUMENT",
            "Unrecognized servable version label: x",
            serving.ModelNotFound,
            "Unrecognized servable version label: x",
        ),
        ("CANCELLED", "bye", serving.ServerError, "bye"),
    ],
)
def test_codes_of_the_server_become_the_right_error(code, details, kind, message):
    fail = lambda _: (grpc.StatusCode[code], details)  # noqa: E731
    with StubServer(fail=fail) as server, Client(server.address, "m", retry=False) as client:
        with pytest.raises(serving.ServingError) as caught:
            client.embed(ROWS)
        with pytest.raises(kind):
            list(client.encode_many([ROWS]))
    assert type(caught.value) is kind
    assert message in str(caught.value)
    assert caught.value.code == code
    assert "no server answers" not in str(caught.value)


def test_a_closed_client_says_so(stub):
    client = Client(stub.address, "m")
    client.embed(ROWS)
    client.close()
    client.close()
    for call in (
        lambda: client.embed(ROWS),
        client.status,
        client.wait_until_ready,
        lambda: list(client.encode_many([ROWS])),
    ):
        with pytest.raises(serving.ClientClosed, match="the client is closed"):
            call()

    async def inside():
        async with AsyncClient(stub.address, "m") as client:
            await client.embed(ROWS)
        await client.embed(ROWS)

    with pytest.raises(serving.ClientClosed):
        asyncio.run(inside())


def test_closing_ends_calls_under_way():
    with StubServer(pause=1.0) as server:
        client = Client(server.address, "m")
        client.metadata()
        timer = threading.Timer(0.2, client.close)
        timer.start()
        with pytest.raises(serving.ClientClosed, match="during the call"):
            client.embed(ROWS)
        timer.join()

        async def inside():
            client = AsyncClient(server.address, "m")
            await client.metadata()
            call = asyncio.create_task(client.embed(ROWS))
            await asyncio.sleep(0.2)
            await client.close()
            await call

        with pytest.raises(serving.ClientClosed, match="during the call"):
            asyncio.run(inside())


def test_a_model_that_changed_is_read_again_after_a_refusal():
    wants = {"embed": EMBED}

    def fail(request):
        if request.inputs["inputs"].dtype != BY_NAME[wants["embed"][0]["inputs"][0]].number:
            return grpc.StatusCode.INVALID_ARGUMENT, "wrong dtype"
        return None

    with StubServer(wants, fail=fail) as server, Client(server.address, "m") as client:
        client.embed(ROWS)
        wants["embed"] = ({"inputs": ("float64", (None, 2))}, EMBED[1])
        with pytest.raises(serving.InvalidInput, match="wrong dtype"):
            client.embed(ROWS)
        assert len(client.embed(ROWS)) == 20


def test_waiting_outlasts_a_busy_server(kind):
    class Busy(StubServer):
        asked = 0

        def _metadata(self, request, context):
            self.asked += 1
            if self.asked < 3:
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "busy")
            return super()._metadata(request, context)

    async def inside(address):
        async with AsyncClient(address, "m", retry=False) as client:
            await client.wait_until_ready(20)

    with Busy() as server:
        if kind == "aio":
            asyncio.run(inside(server.address))
        else:
            with Client(server.address, "m", retry=False) as client:
                client.wait_until_ready(20)
        assert server.asked == 3


def test_answers_may_be_written_to(stub):
    with Client(stub.address, "m") as client:
        answer = client.embed(ROWS)
    answer += 1
    np.testing.assert_array_equal(answer, ROWS + 1)


def test_answers_that_cannot_be_joined_say_what_to_do():
    sides = ({"x": ("float32", (None, None))}, {"y": ("float32", (None, None))})

    class Ragged(StubServer):
        def _predict(self, request, context):
            response = super()._predict(request, context)
            if len(self.requests) == 2:
                response.outputs["y"].tensor_shape.dim[1].size = 1
                response.outputs["y"].ClearField("tensor_content")
            return response

    with (
        Ragged({"s": sides}) as server,
        Client(server.address, "m", max_rows=10, in_flight=1) as client,
        pytest.raises(serving.InvalidInput, match="larger max_rows"),
    ):
        client.predict("s", x=ROWS)


def test_an_answer_that_is_no_tensor_is_the_servers_error():
    class Odd(StubServer):
        def _predict(self, request, context):
            response = super()._predict(request, context)
            response.outputs["embedding"].dtype = 20  # DT_RESOURCE
            return response

    with (
        Odd() as server,
        Client(server.address, "m") as client,
        pytest.raises(serving.ServerError, match="cannot be read"),
    ):
        client.embed(ROWS)
