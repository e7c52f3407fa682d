"""Embeds and hashes images at the same time with asyncio.

    python -m examples.async_client localhost:8500 fashion images.npy

Takes a second; prints the shapes. The client needs requirements-client.txt only.
"""

import asyncio
import sys

import numpy as np

from serving import AsyncClient


async def main(address: str, model: str, path: str) -> None:
    """Sends the images to two signatures at once."""
    images = np.load(path)
    async with AsyncClient(address, model=model) as client:
        await client.wait_until_ready(timeout=30)
        embeddings, codes = await asyncio.gather(client.embed(images), client.hash(images))
    print("embeddings", embeddings.shape, embeddings.dtype)
    print("codes", codes.shape, codes.dtype)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: python -m examples.async_client HOST:PORT MODEL IMAGES.npy")
    asyncio.run(main(*sys.argv[1:]))
