"""Salakhutdinov & Hinton's own experiment: newsgroup posts under codes that address a table.

    python -m benchmarks.semantic_hashing --data-dir FOLDER_WITH_ng20_bydate_2000stem.npz
    python -m benchmarks.semantic_hashing --data-dir FOLDER --choose    # how long to train

Takes about 8 minutes of one core (`--choose` another 6). Trains 2000-500-500-128 and
2000-500-500-20 on the counts of 20 Newsgroups' training posts without labels, with noise that
grows to a standard deviation of 4 on the code's inputs: once as in the paper, but for its
layer-wise pre-training, and once with the codes of `zoo.neighbours` taught as well. The 7,532
test posts search the 11,314 training posts, relevant are those of the same newsgroup: precision
and recall of the codes, of TF-IDF and of LSA; and TF-IDF inside the Hamming ball that a
`HashIndex` finds by 20-bit codes, with its time beside a search of everything by TF-IDF. How long
the paper's recipe is trained was chosen by the reconstruction through the bits of training posts
that were held out, not by labels.

Expect at 100 results: TF-IDF .38, LSA .42; 128 bits .38 by the paper's recipe and .60 where codes
are taught; TF-IDF inside the ball of 20-bit codes .40 and .59, in about half the time. Writes
benchmarks/results/semantic_hashing.json and .png, and the tables of docs/semantic_hashing.md.
"""

import argparse
import json
import pathlib
import tempfile
import time

import keras
import numpy as np
import scipy.sparse
import sklearn.decomposition
import sklearn.feature_extraction.text
import sklearn.preprocessing
import tensorflow as tf

import zoo
import zoo.datasets
import zoo.neighbours
from benchmarks.machine import describe
from benchmarks.semantic_hashing_page import RESULTS, draw, write_tables
from serving.index import HashIndex
from zoo.evaluation.retrieval import hamming_distances, precision_and_recall_at_k, relevance

DATA = "ng20_bydate_2000stem.npz"
BITS, HIDDEN, NOISE, BATCH = (128, 20), [500, 500], 4.0, 128
RECIPES = ("paper", "taught")
EPOCHS = {"paper": 20, "taught": 10}
CHOICES = (10, 20, 40)
LSA_DIMS = 128
RADIUS, RADII = 4, range(7)
RANKS = (1, 2, 4, 8, 10, 16, 32, 64, 100, 128, 256, 512, 1024, 2048, 4096, 8192, 11314)
# Queries judged at once; queries timed, and the results that they ask for.
BLOCK, TIMED, WANTED = 500, 500, 100


def read(data_dir):
    """Counts and labels of the training and of the test posts."""
    archive = np.load(pathlib.Path(data_dir) / DATA, allow_pickle=False)
    counts = zoo.datasets.SparseRows.from_arrays(archive)
    parts = archive["bydate_train"], archive["bydate_test"]
    return *(counts.take(rows) for rows in parts), *(archive["labels"][rows] for rows in parts)


def train(x, bits, recipe, epochs, seed):
    """A model of some counts; what it learns, it learns from them."""
    keras.utils.set_random_seed(seed)
    steps = len(x) // BATCH
    spoilt = {"corruption": "masking", "corruption_level": 0.5} if recipe == "taught" else {}
    ae = zoo.create(
        "semantic-hash",
        x.shape[1:],
        bits,
        backbone="text",
        hidden=HIDDEN,
        noise=NOISE,
        training_steps=epochs * steps,
        **spoilt,
    )
    codes = None
    if recipe == "taught":
        features = zoo.neighbours.neighbour_features(ae, x)
        codes = zoo.neighbours.neighbour_codes(features, bits, seed=seed)
    ae.compile(optimizer="adam", steps_per_execution=8)
    batches = zoo.datasets.shuffled_batches(x, BATCH, seed, codes=codes)
    ae.fit(batches, steps_per_epoch=steps, epochs=epochs, shuffle=False, verbose=0)
    return ae


def choose(x, seed):
    """Errors through the bits of held-out training posts, by code length and epochs."""
    order = np.random.default_rng(seed).permutation(len(x))
    held_out, rest = np.split(order, [len(x) // 10])
    rows = []
    for bits in BITS:
        for epochs in CHOICES:
            ae = train(x.take(rest), bits, "paper", epochs, seed)
            error = ae.evaluate(x[held_out], verbose=0, return_dict=True)["binarized_error"]
            rows.append({"bits": bits, "epochs": epochs, "held_out_error": float(error)})
            print(rows[-1], flush=True)
            keras.backend.clear_session()
    return rows


def encode(ae, x):
    """Bits `[n, bits]`, and the microseconds that one took in batches of 1,000."""
    started = time.perf_counter()
    parts = [ae.binarize(ae.encoder(x[i : i + 1000])) for i in range(0, len(x), 1000)]
    bits = np.concatenate([np.asarray(part, "uint8") for part in parts])
    return bits, 1e6 * (time.perf_counter() - started) / len(x)


def curve(distances, relevant, ranks=RANKS):
    """Precision and recall of each query's first results, as expectations where results tie.

    Args:
        distances: `[q, n]`; infinite where an entry is no result of a query.
        relevant: Booleans `[q, n]`.
        ranks: Numbers of first results; a query that has fewer gives all that it has.

    Returns:
        Two arrays `[q, ranks]`: precision, 0 for a query without results, and recall.
    """
    results = np.isfinite(distances)
    good = relevant & results
    hits = np.stack([k * precision_and_recall_at_k(distances, good, k)[0] for k in ranks], axis=1)
    given = np.minimum(ranks, results.sum(1)[:, None])
    return hits / np.maximum(given, 1), hits / relevant.sum(1)[:, None]


def judge(distances_of, queries, labels, query_labels, ranks=RANKS):
    """The mean curve of all queries; `distances_of` takes a slice of them."""
    blocks = [slice(i, i + BLOCK) for i in range(0, queries, BLOCK)]
    parts = [
        curve(distances_of(some), relevance(query_labels[some], labels), ranks) for some in blocks
    ]
    precision, recall = (np.concatenate(part).mean(0) for part in zip(*parts, strict=True))
    return {"ranks": list(ranks), "precision": precision.tolist(), "recall": recall.tolist()}


def first(scores, ids=None):
    """The results with the highest scores, best first."""
    best = np.argsort(-scores) if len(scores) <= WANTED else np.argpartition(-scores, WANTED)
    best = best[:WANTED]
    best = best[np.argsort(-scores[best])]
    return best if ids is None else ids[best]


def measure_times(index, codes, rows, queries):
    """Median microseconds of one query: TF-IDF over everything, and within each radius.

    The ways take turns on the same queries, so that a busy machine slows all of them. Each time
    another one is first; radius 0 mostly comes after the inverted file, which empties caches.
    """
    by_word = rows.T.tocsr()
    vectors = queries.toarray()

    def in_ball(i, radius):
        ids = index.within(codes[i], radius=radius).ids
        first(rows[ids] @ vectors[i], ids)

    ways = {
        "row by row": lambda i: first(rows @ vectors[i]),
        "inverted file": lambda i: first((queries[[i]] @ by_word).toarray()[0]),
        **{radius: lambda i, radius=radius: in_ball(i, radius) for radius in RADII},
    }
    times = {name: [] for name in ways}
    names = list(ways)
    for i in range(len(codes)):
        turn = i % len(names)
        for name in names[turn:] + names[:turn]:
            started = time.perf_counter()
            ways[name](i)
            times[name].append(time.perf_counter() - started)
    return {name: 1e6 * float(np.median(values)) for name, values in times.items()}


def search_table(bits, query_bits, rows, queries, labels, query_labels):
    """What a hash table of 20-bit codes finds, and TF-IDF makes of it.

    Returns:
        A dictionary for each radius, the curve at `RADIUS`, and times over everything.
    """

    def within(radius):
        def distances_of(some):
            far = hamming_distances(query_bits[some], bits) > radius
            return np.where(far, np.float32(np.inf), -(queries[some] @ rows.T).toarray())

        return distances_of

    with tempfile.TemporaryDirectory() as folder, HashIndex.open(folder, bits.shape[1]) as index:
        index.add(np.arange(len(bits)), np.packbits(bits, axis=1))
        codes = np.packbits(query_bits, axis=1)
        some = np.linspace(0, len(codes) - 1, TIMED).astype(int)
        index.within(codes[:1])  # compiled before it is timed
        times = measure_times(index, codes[some], rows, queries[some])
        radii = []
        for radius in RADII:
            sizes = np.diff(index.within(codes, radius=radius).offsets)
            of_ball = judge(within(radius), len(codes), labels, query_labels, (100, len(bits)))
            radii.append(
                {
                    "radius": radius,
                    "posts": float(sizes.mean()),
                    "median_posts": float(np.median(sizes)),
                    "empty": int((sizes == 0).sum()),
                    "precision": of_ball["precision"][1],
                    "recall": of_ball["recall"][1],
                    "precision_at_100": of_ball["precision"][0],
                    "microseconds": times[radius],
                }
            )
    reranked = judge(within(RADIUS), len(codes), labels, query_labels)
    everything = {name: times[name] for name in ("row by row", "inverted file")}
    return {"radii": radii, "everything_microseconds": everything, "curve": reranked}


def main():
    """Trains, measures and writes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", required=True, help=f"folder with {DATA}")
    parser.add_argument("--choose", action="store_true", help="only compare numbers of epochs")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    path = RESULTS / "semantic_hashing.json"
    old = json.loads(path.read_text()) if path.exists() else {}
    x, x_test, labels, query_labels = read(arguments.data_dir)
    if arguments.choose:
        old["choice"] = choose(x, arguments.seed)
        path.write_text(json.dumps(old, indent=2) + "\n")
        return
    result = {
        "command": "python -m benchmarks.semantic_hashing",
        "machine": describe(tf, keras, np),
        "seed": arguments.seed,
        "epochs": EPOCHS,
        "choice": old.get("choice", []),
        "curves": {},
        "table": {},
        "trained_seconds": {},
        "encode_microseconds": {},
    }

    weighting = sklearn.feature_extraction.text.TfidfTransformer(sublinear_tf=True).fit(x.matrix)
    rows, queries = (
        scipy.sparse.csr_array(weighting.transform(counts.matrix)).astype("float32")
        for counts in (x, x_test)
    )
    analysis = sklearn.decomposition.TruncatedSVD(LSA_DIMS, random_state=arguments.seed).fit(rows)
    lsa, lsa_queries = (
        sklearn.preprocessing.normalize(analysis.transform(matrix)) for matrix in (rows, queries)
    )

    def report(name, distances_of):
        found = judge(distances_of, len(x_test), labels, query_labels)
        result["curves"][name] = found
        at = found["precision"][RANKS.index(100)]
        print(f"{name:20} precision at 100 {at:.4f}", flush=True)

    report("TF-IDF", lambda some: -(queries[some] @ rows.T).toarray())
    report("LSA", lambda some: -(lsa_queries[some] @ lsa.T))
    for recipe in RECIPES:
        for length in BITS:
            started = time.perf_counter()
            ae = train(x, length, recipe, EPOCHS[recipe], arguments.seed)
            name = f"{recipe}, {length} bits"
            result["trained_seconds"][name] = time.perf_counter() - started
            bits, result["encode_microseconds"][name] = encode(ae, x)
            query_bits, _ = encode(ae, x_test)
            keras.backend.clear_session()
            report(name, lambda some, q=query_bits, b=bits: hamming_distances(q[some], b))
        # The last codes are the short ones.
        table = search_table(bits, query_bits, rows, queries, labels, query_labels)
        result["curves"][f"{recipe}, TF-IDF in the ball"] = table.pop("curve")
        result["table"][recipe] = table
        print(recipe, *table["radii"], table["everything_microseconds"], sep="\n", flush=True)
    path.write_text(json.dumps(result, indent=2) + "\n")
    draw(result)
    write_tables(result)


if __name__ == "__main__":
    main()
