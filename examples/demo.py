"""The whole pipeline on real data: train, publish, serve, hash, index, search, report.

    python -m examples.demo --data digits --out runs/demo/digits
    python -m examples.demo --data ng20_text --out runs/demo/ng20_text

Takes about a minute on 2 cores for `digits`, about five for `mnist`, `fashion_mnist` and the
18,846 posts of `ng20_text`, which go in as raw text. Every step is a command or a call
that is of use alone; the commands are printed as they run. Running it again goes on with what is
there: the trained model is kept, a new version is published.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator

import click
import numpy as np

import console
import serving
from serving.index import HashIndex

QUERIES = 8
NEIGHBOURS = 10
RADII = range(5)
NAME = "demo"


@click.group(cls=console.Group, errors=(serving.ServingError,), invoke_without_command=True)
@click.option("--data", default="digits", show_default=True, help="A name or an .npz file.")
@click.option("--data-dir", envvar="AEZOO_DATA_DIR", help="Folder with NAME.npz files.")
@click.option("--code-dim", type=int, help="Bits of a code; by default 16 or 32, by the rows.")
@click.option("--epochs", type=int, help="Passes over the data; by default about 4,000 steps.")
@click.option("--out", default="runs/demo/digits", show_default=True, help="Folder for it all.")
def main(
    data: str, data_dir: str | None, code_dim: int | None, epochs: int | None, out: str
) -> None:
    """Run the whole pipeline and write OUT/report.html."""
    console.start_tensorflow()  # before zoo's import starts it, which is not quiet
    import zoo.datasets
    from zoo.evaluation import figures
    from zoo.evaluation.page import Page

    folder = pathlib.Path(out)
    run, models, file = folder / "run", folder / "models", folder / "data.npz"

    where = [] if data_dir is None else ["--data-dir", data_dir]
    step("zoo", "data", data, *where, "--out", file)
    dataset = zoo.datasets.load(file)
    x_train, x_test = dataset.x_train[:], dataset.x_test[:]
    y_train, y_test = dataset.y_train, dataset.y_test
    what = {"image": "images", "text": "texts"}.get(dataset.kind, "rows")
    # A table with many more buckets than rows answers with empty buckets.
    code_dim = code_dim or (16 if len(x_train) < 10_000 else 32)
    resume = ["--resume"] if (run / "config.json").exists() else []
    how = [] if epochs is None else ["--epochs", epochs]
    step("zoo", "fit", "--data", file, "--code-dim", code_dim, *how, "--out", run, *resume)
    step("export", "publish", run, models, "--name", NAME)
    with server(models, folder / "server.log") as address, serving.Client(address, NAME) as client:
        began = time.perf_counter()
        codes = client.hash(x_train)
        rate = len(x_train) / (time.perf_counter() - began)
        embedding = client.embed(x_test)
        queries = client.hash(x_test)
    print(f"hashed {len(codes)} rows over gRPC, {rate:,.0f} rows/s; {codes.shape[1]} bytes each")

    bits = json.loads((run / "config.json").read_text())["code_dim"]
    with HashIndex.open(folder / "index", bits=bits) as index:
        index.add(np.arange(len(codes)), codes, replace=True)
        print(f"the index at {folder / 'index'} holds {len(index)} codes")
        radii = [within(index, queries, radius, y_train, y_test) for radius in RADII]
        console.print_table([row.values() for row in radii], list(radii[0]), "flipping bits")
        some = np.linspace(0, len(x_test) - 1, QUERIES).astype(int)
        nearest = index.search(queries[some], k=NEIGHBOURS)

    page = Page(
        f"From {what} to neighbours: {data}",
        f"{len(x_train):,} {what} as {bits}-bit codes, hashed by the served model, "
        f"found in the hash index",
    )
    if dataset.kind == "text":
        page.add(
            "Queries and their neighbours",
            "Test texts, and the training texts whose codes are nearest.",
            table=text_neighbours(x_test[some], x_train, nearest.ids, nearest.distances),
        )
    if dataset.is_image:
        captions = [[str(d) for d in row if d >= 0] for row in nearest.distances]
        found = [x_train[row[row >= 0]] for row in nearest.ids]
        page.add(
            "Queries and their neighbours",
            "Test images (framed), the training images whose codes are nearest, and how many "
            "bits differ.",
            figure=figures.neighbours(x_test[some], found, captions),
            name="queries",
        )
    page.add(
        "Same bucket, then flipped bits",
        "What a query finds in its own bucket of the hash table (radius 0) and in the buckets "
        "that differ from it by so many bits.",
        table=radii,
    )
    page.add(
        "Map of the served embedding",
        f"Test {what}, coloured by label; labels took no part in training.",
        figure=figures.code_map(embedding, y_test),
        name="map",
    )
    page.add(f"Measured on the test {what}", table=json.loads((run / "metrics.json").read_text()))
    for name, text in (
        ("reconstructions", f"Test {what}, and what the decoder makes of codes and of bits."),
        ("activations", "Growing noise before the sigmoid makes activations binary."),
        ("curves", "The course of training."),
    ):
        if (run / f"{name}.png").exists():
            png = (run / f"{name}.png").read_bytes()
            page.add(name.capitalize(), text, figure=png, name=name)
    print(f"report: {page.write(folder / 'report.html')}")


def step(*command: object) -> None:
    """Runs a command of this project, showing it first; ends the demo if it fails."""
    words = [str(word) for word in command]
    print(f"\n$ python -m {' '.join(words)}", flush=True)
    finished = subprocess.run([sys.executable, "-m", *words], check=False)
    if finished.returncode:
        sys.exit(finished.returncode)


@contextlib.contextmanager
def server(models: pathlib.Path, log: pathlib.Path) -> Iterator[str]:
    """Serves the models on a free port while the block runs; yields the address."""
    words = ["serving", "up", str(models), "--port", "0", "--json"]
    print(f"\n$ python -m {' '.join(words)}", flush=True)
    with (
        log.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-m", *words], stdout=subprocess.PIPE, stderr=stderr, text=True
        ) as process,
    ):
        try:
            line = process.stdout.readline()
            if not line:
                raise OSError(f"the server did not start: {log.read_text().strip()}")
            ready = json.loads(line)
            print(f"serving {ready['models']} on port {ready['port']}")
            yield f"{ready['host']}:{ready['port']}"
        finally:
            process.terminate()


def within(
    index: HashIndex,
    queries: np.ndarray,
    radius: int,
    labels: np.ndarray | None,
    query_labels: np.ndarray | None,
) -> dict[str, object]:
    """What queries find by flipping up to `radius` bits."""
    matches = index.within(queries, radius=radius)
    found = np.diff(matches.offsets)
    row = {
        "radius": radius,
        "queries with a result": f"{(found > 0).mean():.0%}",
        "results per query": float(found.mean()),
    }
    if labels is not None and query_labels is not None and len(matches.ids):
        same = labels[matches.ids] == np.repeat(query_labels, found)
        row["with the query's label"] = f"{same.mean():.0%}"
    return row


def text_neighbours(
    queries: np.ndarray, texts: np.ndarray, ids: np.ndarray, distances: np.ndarray
) -> list[dict[str, object]]:
    """The beginnings of queries and of the nearest texts, a row for each query."""

    def begin(text: str) -> str:
        return textwrap.shorten(str(text), 110, placeholder=" ...")

    return [
        {
            "query": begin(query),
            **{
                f"neighbour {i + 1}": f"({distance} bits) {begin(texts[found])}"
                for i, (found, distance) in enumerate(zip(row[:3], bits, strict=False))
                if found >= 0
            },
        }
        for query, row, bits in zip(queries, ids, distances, strict=True)
    ]


if __name__ == "__main__":
    main(prog_name="python -m examples.demo")
