# %% [markdown]
"""Cells for a notebook: look at a served model, hash images, find near duplicates.

    python -m examples.notebook_client localhost:8500 fashion images.npy

Takes two seconds; prints the model's signatures and, for the first images, their neighbours.
"""

# %% Connect, and see what the model takes and gives
import sys
import tempfile

import numpy as np

from serving import Client
from serving.index import HashIndex
from serving.search import Search, code_bits

if len(sys.argv) != 4:
    sys.exit("usage: python -m examples.notebook_client HOST:PORT MODEL IMAGES.npy")
address, model, path = sys.argv[1:]
client = Client(address, model=model)
client.wait_until_ready(timeout=30)
for name, signature in client.metadata().items():
    print(name, *signature.inputs.values(), "->", *signature.outputs.values())

# %% Hash all images into an index
images = np.load(path)
folder = tempfile.TemporaryDirectory()
index = HashIndex.open(folder.name + "/codes", bits=code_bits(client))
index.add(np.arange(len(images)), client.hash(images))

# %% The nearest images to the first ones, by Hamming distance
found = Search(client, index).nearest(images[:3], k=3)
for query, (ids, distances) in enumerate(zip(found.ids, found.distances, strict=True)):
    print(query, "is nearest to", dict(zip(ids.tolist(), distances.tolist(), strict=True)))

# %% How sure the model is of each bit
print("least sure bits", np.abs(client.hash_query(images[:3]).margin).argmin(axis=1))

# %% Done
index.close()
folder.cleanup()
client.close()
