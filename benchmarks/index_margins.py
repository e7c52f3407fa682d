"""What ranking by margins gains in precision, on real codes, and what it costs in probes."""

import json
import tempfile

import numpy as np

from serving.index import HashIndex, engine


def digit_codes(bits=32, copies=60):
    """Real codes with margins: scikit-learn's digits, shifted and turned, PCA and ITQ.

    ITQ: Gong, Lazebnik, "Iterative quantization: a Procrustean approach", 2011.

    Returns:
        Entries' codes and labels, queries' codes, margins and labels.
    """
    from scipy import ndimage
    from sklearn.datasets import load_digits

    rng = np.random.default_rng(0)
    images, labels = load_digits(return_X_y=True)
    order = rng.permutation(len(images))
    images, labels = images[order].reshape(-1, 8, 8), labels[order]
    queries, query_labels = images[:300], labels[:300]
    entries, entry_labels = [], []
    for _ in range(copies):
        for image, label in zip(images[300:], labels[300:], strict=True):
            angle, (down, right) = rng.normal(0, 8), rng.normal(0, 0.5, 2)
            turned = ndimage.rotate(image, angle, reshape=False, order=1)
            entries.append(ndimage.shift(turned, (down, right), order=1))
            entry_labels.append(label)
    pixels = np.array(entries).reshape(len(entries), -1)
    mean = pixels.mean(0)
    axes = np.linalg.svd(pixels[:20000] - mean, full_matrices=False)[2][:bits].T
    projected = (pixels - mean) @ axes
    turn = np.linalg.qr(rng.normal(size=(bits, bits)))[0]
    for _ in range(30):
        left, _, right = np.linalg.svd(np.sign(projected[:20000] @ turn).T @ projected[:20000])
        turn = (left @ right).T
    margins = (queries.reshape(300, -1) - mean) @ axes @ turn
    codes = np.packbits(projected @ turn > 0, axis=1)
    return codes, np.array(entry_labels), np.packbits(margins > 0, axis=1), margins, query_labels


def margins_gain():
    """Precision of ranking by margins against Hamming distance, and what finding it costs."""
    codes, labels, queries, margins, query_labels = digit_codes()
    share = engine.PROBING_SHARE
    result = {"entries": len(codes), "bits": codes.shape[1] * 8, "precision": []}
    with tempfile.TemporaryDirectory() as folder:
        with HashIndex.open(folder, bits=result["bits"]) as index:
            ids = np.random.default_rng(0).permutation(len(codes))
            index.add(ids, codes)
            by_id = labels[np.argsort(ids)]
            for k in (1, 10, 100, 1000):
                plain = by_id[index.search(queries, k=k).ids] == query_labels[:, None]
                ranked = index.search(queries, k=k, margin=margins).ids
                finer = by_id[ranked] == query_labels[:, None]
                row = {"k": k, "hamming": plain.mean(), "margins": finer.mean()}
                result["precision"].append({name: float(value) for name, value in row.items()})
            directed, undirected = [], []
            engine.PROBING_SHARE = 1e9  # count the probes, whatever a scan would cost
            for query, margin in zip(queries, margins, strict=True):
                step = index.explain(query, k=10, margin=margin)[0]
                directed.append((step.probes, step.candidates))
                # Without direction: the Hamming ball that is sure to hold the ten.
                farthest = index.search(query, k=10, margin=margin).distances[0, -1]
                least = np.cumsum(np.sort(np.abs(margin)))
                radius = int(np.searchsorted(least, farthest, side="right"))
                step = index.explain(query, radius=radius)[0]
                undirected.append((step.probes, step.candidates))
        engine.PROBING_SHARE = share
        result["directed"] = np.median(directed, axis=0).tolist()
        result["undirected"] = np.median(undirected, axis=0).tolist()
    print(json.dumps(result))
    return result
