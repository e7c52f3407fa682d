"""Requests that share a batch: which, when, and that it changes no answer."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest

from serving.server import StatusError
from serving.server.batch_queue import Sharing
from serving.server.batch_rules import pad
from serving.server.batching import Batcher, key
from serving.server.predict import Call
from serving.server.servable import Servable
from serving.server.signature import Signature
from serving.server.text_config import load_batching
from serving.server.together import are_alike, run_together


def test_batching_pads_rows_of_different_lengths_when_told(published, tmp_path):
    path = tmp_path / "batching.txt"
    path.write_text("max_batch_size { value: 8 } pad_variable_length_inputs: true")
    rules = load_batching(path)
    servable = Servable("odd", 1, str(published / "odd" / "1"))
    calls = [
        Call(servable, "lengths", {"x": np.float32(rows)}, ("sum",))
        for rows in ([[1, 2]], [[3, 4, 5], [6, 7, 8]])
    ]
    assert key(calls[0], True)[0] == key(calls[1], True)[0]
    assert key(calls[0], False)[0] != key(calls[1], False)[0]
    (first,), (second,) = run_together(calls, [1, 2], rules.run)
    assert (first.tolist(), second.tolist()) == ([1 + 2 + 1], [12, 21])


class Task:
    """What a batcher runs, and its answer."""

    gone = False

    def __init__(self, call):
        self.call = call
        self.answer = Future()
        self.finish = self.answer.set_result


def tasks_of(published, count):
    servable = Servable("odd", 1, str(published / "odd" / "1"))
    return [
        Task(Call(servable, "lengths", {"x": np.float32([[n, 1]])}, ("sum",))) for n in range(count)
    ]


def test_what_is_added_before_a_start_runs_together(published, monkeypatch):
    ran = []
    run = Servable.run
    monkeypatch.setattr(Servable, "run", lambda *args: (ran.append(args[2]["x"]), run(*args))[1])
    tasks = tasks_of(published, 5)
    with ThreadPoolExecutor(1) as executor:
        batcher = Batcher(executor, Sharing())
        for task in tasks:
            batcher.add(task)
        assert not ran
        tasks[3].gone = True
        batcher.start()
        answers = [task.answer.result(20) for task in tasks]
    assert ran[0].tolist() == [[0, 1], [1, 1], [2, 1], [4, 1]]
    assert [[a.tolist() for a in answer] for answer in answers] == [[[1]], [[2]], [[3]], [], [[5]]]


def test_few_wait_for_as_many_as_came_together_lately(published):
    """Four run at once and are a crowd; the next three wait for a fourth, many rows do not."""
    with ThreadPoolExecutor(1) as executor:
        batcher = Batcher(executor, Sharing(wait=60))

        def ask(tasks):
            for task in tasks:
                batcher.add(task)
            batcher.start()

        four, three, one = (tasks_of(published, count) for count in (4, 3, 1))
        ask(four)
        assert [task.answer.result(20)[0].tolist() for task in four] == [[1], [2], [3], [4]]
        ask(three)
        assert not any(task.answer.done() for task in three)
        ask(one)
        assert [task.answer.result(20)[0].tolist() for task in three] == [[1], [2], [3]]
        ask(many := tasks_of(published, 64))
        assert many[63].answer.result(20)[0].tolist() == [64]


def test_a_full_queue_refuses(published):
    tasks = tasks_of(published, 3)
    with ThreadPoolExecutor(1) as executor:
        batcher = Batcher(executor, Sharing(max_queue=2))
        batcher.add(tasks[0])
        batcher.add(tasks[1])
        with pytest.raises(StatusError, match="queue to which this task was submitted is full"):
            batcher.add(tasks[2])
        tasks[0].gone = True  # which frees its place
        batcher.add(tasks[2])
        batcher.start()
        assert [task.answer.result(20)[0].tolist() for task in tasks[1:]] == [[2], [3]]


def test_padding():
    short, long = np.float32([[1, 2]]), np.float32([[3, 4, 5], [6, 7, 8]])
    padded = np.concatenate(pad([short, long]))
    assert padded.tolist() == [[1, 2, 1], [3, 4, 5], [6, 7, 8]]
    strings = pad([np.array([[b"a"]], object), np.array([[b"b", b"c"]], object)])
    assert [array.tolist() for array in strings] == [[[b"a", b"a"]], [[b"b", b"c"]]]
    with pytest.raises(StatusError, match="Got empty tensor"):
        pad([short, np.zeros((1, 0), np.float32)])


class Model:
    """One signature from rows to rows, in Python."""

    def __init__(self, function):
        signature = Signature(None, None, {"x": 1}, ("y",), True, frozenset(["y"]))
        self.prepared = {"f": signature}
        self.rules = None
        self.function = function
        self.ran = []

    def run(self, signature, feeds, outputs):
        self.ran.append(len(feeds["x"]))
        return [self.function(feeds["x"])]


def ask(batcher, model, rows):
    """Adds one task for each number of rows, starts them together, returns inputs and tasks."""
    make = np.random.default_rng(len(model.ran))
    inputs = [make.normal(size=(n, 2)).astype(np.float32) for n in rows]
    tasks = [Task(Call(model, "f", {"x": x}, ("y",))) for x in inputs]
    for task in tasks:
        batcher.add(task)
    batcher.start()
    return inputs, tasks


@pytest.mark.parametrize(
    "function",
    [lambda x: x - x.mean(axis=0), lambda x: x @ x.T, lambda x: np.argsort(x, axis=0)],
    ids=["centred", "products", "ranks"],
)
def test_rows_that_depend_on_each_other_are_not_batched(function):
    model = Model(function)
    with ThreadPoolExecutor(1) as executor:
        batcher = Batcher(executor, Sharing())
        for _ in range(3):
            inputs, tasks = ask(batcher, model, [3, 2, 3])
            for x, task in zip(inputs, tasks, strict=True):
                np.testing.assert_array_equal(task.answer.result(20)[0], function(x))
    assert model.ran == [8, 3, 2, 3] + 2 * [3, 2, 3]


def test_rows_that_do_not_are_batched_once_that_is_proved():
    model = Model(lambda x: 2 * x)
    with ThreadPoolExecutor(1) as executor:
        batcher = Batcher(executor, Sharing())
        for _ in range(5):
            inputs, tasks = ask(batcher, model, [1, 2])
            for x, task in zip(inputs, tasks, strict=True):
                np.testing.assert_array_equal(task.answer.result(20)[0], 2 * x)
    assert model.ran == 3 * [3, 1, 2] + 2 * [3]


def test_answers_are_alike_up_to_rounding():
    one = [np.float32([1, np.nan, 1e4, 0]), np.uint8([255])]
    assert are_alike(one, [np.float32([1.001, np.nan, 1e4, 1]), np.uint8([255])])
    assert not are_alike(one, [np.float32([1, np.nan, 2e4, 0]), np.uint8([255])])
    assert not are_alike(one, [one[0], np.uint8([254])])
    assert not are_alike(one, [one[0][:3], one[1]])
    assert not are_alike(one, ValueError())
    assert are_alike(ValueError("a"), ValueError("b"))


def test_a_slow_batch_does_not_hold_up_others_of_its_kind():
    hang = threading.Event()
    begun = threading.Event()

    def function(x):
        if len(x) == 5:
            begun.set()
            assert hang.wait(20)
        return x

    model = Model(function)
    with ThreadPoolExecutor(2) as executor:
        batcher = Batcher(executor, Sharing())
        _, (slow,) = ask(batcher, model, [5])
        assert begun.wait(20)
        time.sleep(0.1)  # by then it counts as slow
        _, (quick,) = ask(batcher, model, [1])
        assert len(quick.answer.result(20)[0]) == 1
        assert not slow.answer.done()
        hang.set()
        assert len(slow.answer.result(20)[0]) == 5
