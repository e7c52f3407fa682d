"""What a run does where its options leave it open, by the kind of data and the variant."""

from __future__ import annotations

import warnings
from typing import Any

import zoo.registry
from zoo.datasets import Dataset
from zoo.neighbours.teacher import NEIGHBOURS

# Kinds of data for which a variant's own backbone is not the one to take.
BACKBONES = {"text": "text", "counts": "text", "table": "tabular", "series": "sequence"}
# Trunks and options for codes that keep neighbours together. Words are hidden from the encoder
# so that it learns which others stand for them.
NEIGHBOUR_BACKBONES = {"image": "gradients"}
OF_WORDS = {"hidden": [512], "corruption": "masking", "corruption_level": 0.5}
NEIGHBOUR_OPTIONS: dict[str, dict[str, Any]] = {"text": OF_WORDS, "counts": OF_WORDS}
# How long to train where nobody says; codes that are taught are learnt sooner.
TRAINING_STEPS, MIN_EPOCHS, MAX_EPOCHS = 4000, 10, 100
TAUGHT_STEPS, MIN_TAUGHT_EPOCHS = 500, 4


def complete(config: dict[str, Any], dataset: Dataset, rows: int) -> dict[str, Any]:
    """Fills in backbone, options, neighbours and epochs.

    Args:
        config: See `fit_run`.
        dataset: The data.
        rows: How many training rows there are.

    Returns:
        The configuration, complete but for what `zoo.create` knows by itself.

    Raises:
        ValueError: If the variant is unknown, the wanted backbone cannot read the data, or
            neighbours are wanted of a variant that cannot be taught codes.
    """
    neighbours = _neighbours(config, rows)
    backbone = _backbone(config, dataset, neighbours)
    options = dict(config["options"])
    if neighbours:
        suited = dict(NEIGHBOUR_OPTIONS.get(dataset.kind, {}))
        if "corruption" in options:
            suited.pop("corruption_level", None)
        options = suited | options
    steps = rows // min(config["batch_size"], rows)
    wanted, least = TRAINING_STEPS, MIN_EPOCHS
    if neighbours:
        wanted, least = TAUGHT_STEPS, MIN_TAUGHT_EPOCHS
    epochs = config["epochs"] or min(MAX_EPOCHS, max(least, wanted // steps))
    filled_in = {"backbone": backbone, "options": options, "neighbours": neighbours}
    return {**config, **filled_in, "epochs": epochs}


def _neighbours(config: dict[str, Any], rows: int) -> int:
    """How many neighbours codes are to keep together, 0 for codes that are not taught."""
    wanted = config.get("neighbours")
    takes_codes = "code_weight" in zoo.registry.list_options(config["variant"], "dense")
    if wanted is None:
        if not takes_codes:
            return 0
        # Few rows have no neighbours to speak of.
        least = 2 * config["code_dim"] + 1
        if rows >= least:
            return NEIGHBOURS
        warnings.warn(
            f"{rows} training rows are too few to teach codes of {config['code_dim']} bits by "
            f"their neighbours, which wants {least} or more: they come of reconstruction alone.",
            stacklevel=3,
        )
        return 0
    if wanted < 0:
        raise ValueError(f"`neighbours` must not be negative. Received: neighbours={wanted}")
    if wanted and not takes_codes:
        raise ValueError(
            "`neighbours` is for variants that can be taught codes, semantic-hash say. "
            f"Received: neighbours={wanted}, variant={config['variant']!r}"
        )
    return wanted


def _backbone(config: dict[str, Any], dataset: Dataset, neighbours: int) -> str:
    suited = BACKBONES.get(dataset.kind)
    if neighbours:
        suited = suited or NEIGHBOUR_BACKBONES.get(dataset.kind)
    backbone = config["backbone"] or suited or zoo.registry.default_backbone(config["variant"])
    if dataset.x_train.dtype.kind in "OUS" and backbone != suited:
        what = "Texts want" if dataset.kind == "text" else "Tables with categories want"
        raise ValueError(f"{what} backbone={suited!r}. Received: backbone={backbone!r}")
    return backbone
