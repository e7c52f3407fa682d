"""The asyncio client answers as the other one does."""

import asyncio

import numpy as np
import pytest

import serving
from serving import AsyncClient
from tests.serving import models

ROWS = np.random.default_rng(1).normal(size=(30, models.FEATURES)).astype(np.float32)


def run(target, work, model="enc", **options):
    async def inside():
        async with AsyncClient(target, model, **options) as client:
            return await work(client)

    return asyncio.run(inside())


def test_methods_answer_as_the_blocking_client(target, client):
    async def work(one):
        await one.wait_until_ready(5)
        names = ("embed", "hash", "hash_query", "reconstruct", "score")
        answers = await asyncio.gather(*(getattr(one, name)(ROWS) for name in names))
        return dict(zip(names, answers, strict=True)) | {
            "decode": await one.decode(answers[0]),
            "status": await one.status(),
            "version": await one.version(),
        }

    answers = run(target, work)
    assert answers.pop("status") == client.status()
    assert answers.pop("version") == client.version() == 2
    np.testing.assert_allclose(
        answers.pop("decode"), client.decode(answers["embed"]), rtol=1e-4, atol=1e-4
    )
    query = answers.pop("hash_query")
    np.testing.assert_array_equal(query.code, client.hash(ROWS))
    for name, answer in answers.items():
        np.testing.assert_allclose(answer, getattr(client, name)(ROWS), rtol=1e-4, atol=1e-4)


def test_large_inputs_are_cut(target, client):
    cut = run(target, lambda one: one.hash(ROWS), max_rows=4, in_flight=2)
    np.testing.assert_array_equal(cut, client.hash(ROWS))


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_encode_many_keeps_order(target, client, kind):
    batches = [ROWS[:3], ROWS[:0], ROWS[3:20], ROWS[20:]]

    async def stream():
        for batch in batches:
            yield batch

    async def work(one):
        source = iter(batches) if kind == "plain" else stream()
        return [answer async for answer in one.encode_many(source, "hash")]

    answers = run(target, work, max_rows=5)
    assert [len(answer) for answer in answers] == [3, 0, 17, 10]
    np.testing.assert_array_equal(np.concatenate(answers), client.hash(ROWS))


def test_errors_are_of_the_same_family(target):
    with pytest.raises(serving.ModelNotFound):
        run(target, lambda one: one.embed(ROWS), model="nope")
    with pytest.raises(serving.InvalidInput, match=r"shape \[30, 2\]"):
        run(target, lambda one: one.embed(ROWS[:, :2]))
    with pytest.raises(serving.DeadlineExceeded, match="not ready within"):
        run(target, lambda one: one.wait_until_ready(0.1), model="nope")
    slow = np.int32([30])
    with pytest.raises(serving.DeadlineExceeded):
        run(target, lambda one: one.predict("slow", timeout=0.05, steps=slow), model="odd")


def test_a_cancelled_call_leaves_the_client_usable(target):
    async def work(one):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(one.predict("slow", steps=np.int32([30])), 0.1)
        return await one.predict("two", a=[[1.0, 2.0]], b=[[3, 4]])

    assert run(target, work, model="odd")["score"].tolist() == [10.0]
