"""Calls as grpcio's core hands them over: streams, cancelled and unanswered ones, the end."""

import threading
import time

import grpc
import pytest

from serving.server.grpc_core import CoreServer
from serving.server.status import StatusError


@pytest.fixture
def calls():
    """A server whose method /t/Keep keeps its calls for the test to answer."""
    kept = []

    def refuse(rpc):
        rpc.fail(StatusError("NOT_FOUND", "größer" * 500))

    def broken(rpc):
        raise ZeroDivisionError

    def twice(rpc):
        rpc.send(rpc.data * 2)
        rpc.receive()

    methods = {
        "/t/Keep": kept.append,
        "/t/Refuse": refuse,
        "/t/Broken": broken,
        "/t/Twice": twice,
    }
    pauses = []
    server = CoreServer(methods, [("grpc.so_reuseport", 0)], 4, lambda: pauses.append(len(kept)))
    port = server.add_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield server, channel, kept, pauses
        server.drain(0)
        server.close()


def until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_answer_may_come_later_and_from_any_thread(calls):
    _, channel, kept, pauses = calls
    futures = [channel.unary_unary("/t/Keep").future(bytes([n])) for n in range(3)]
    until(lambda: pauses and pauses[-1] == 3)
    for rpc in reversed(kept):
        threading.Thread(target=rpc.reply, args=(rpc.data * 3,)).start()
    assert [future.result(20) for future in futures] == [bytes([n] * 3) for n in range(3)]
    until(lambda: all(rpc.gone for rpc in kept))


def test_a_stream_gets_a_reply_for_each_message(calls):
    _, channel, *_ = calls
    messages = [b"a", b"", b"ccc"]
    replies = channel.stream_stream("/t/Twice")(iter(messages), timeout=20)
    assert list(replies) == [b"aa", b"", b"cccccc"]


@pytest.mark.parametrize("give_up", ["cancel", "deadline"])
def test_a_call_that_was_given_up_is_gone_and_its_answer_hurts_nobody(calls, give_up):
    _, channel, kept, _ = calls
    future = channel.unary_unary("/t/Keep").future(
        b"", timeout=0.2 if give_up == "deadline" else 20
    )
    until(lambda: kept)
    before = time.time()
    assert kept[0].deadline > before - 20
    if give_up == "cancel":
        future.cancel()
    until(lambda: kept[0].gone)
    kept[0].reply(b"late")
    kept[0].fail(StatusError("INTERNAL", "later"))
    assert list(channel.stream_stream("/t/Twice")(iter([b"x"]), timeout=20)) == [b"xx"]


def test_errors_and_unknown_paths(calls):
    _, channel, *_ = calls

    def status(path):
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(path)(b"", timeout=20)
        return caught.value.code().name, caught.value.details()

    code, message = status("/t/Refuse")
    assert code == "NOT_FOUND"
    assert message.endswith("...TRUNCATED")
    assert status("/t/Nope") == ("UNIMPLEMENTED", "")
    assert status("/t/Broken")[0] == "INTERNAL"


def test_a_call_without_a_message_is_refused(calls):
    _, channel, *_ = calls
    with pytest.raises(grpc.RpcError) as caught:
        channel.stream_unary("/t/Keep")(iter([]), timeout=20)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_more_calls_than_allowed_are_refused_and_later_ones_are_not(calls):
    _, channel, kept, _ = calls
    keep = channel.unary_unary("/t/Keep")
    futures = [keep.future(b"") for _ in range(4)]
    until(lambda: len(kept) == 4)
    with pytest.raises(grpc.RpcError) as caught:
        keep(b"", timeout=20)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    for rpc in kept:
        rpc.reply(b"")
    assert [future.result(20) for future in futures] == [b""] * 4
    until(lambda: all(rpc.gone for rpc in kept))
    last = keep.future(b"")
    until(lambda: len(kept) == 5)
    kept[4].reply(b"ok")
    assert last.result(20) == b"ok"


def test_draining_answers_what_is_in_flight_and_refuses_the_rest(calls):
    server, channel, kept, _ = calls
    keep = channel.unary_unary("/t/Keep")
    answered, abandoned = keep.future(b"1"), keep.future(b"2")
    until(lambda: len(kept) == 2)
    draining = threading.Thread(target=server.drain, args=(1.0,))
    draining.start()
    time.sleep(0.2)
    first = next(rpc for rpc in kept if rpc.data == b"1")  # they may arrive in any order
    first.reply(b"done")
    assert answered.result(20) == b"done"
    with pytest.raises(grpc.RpcError) as caught:
        abandoned.result(20)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    draining.join()
