"""A new model for a data set: preprocessing is chosen by the kind of data."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

import zoo.datasets
import zoo.registry
from zoo.autoencoder import Autoencoder
from zoo.create import create
from zoo.datasets import Dataset

STEPS_PER_EXECUTION = 16


def new_model(dataset: Dataset, train: Any, config: dict[str, Any], steps: int) -> Autoencoder:
    """Creates and compiles the model of a run.

    Args:
        dataset: The data.
        train: The rows that it will be trained on `[n, ...]`; all that preprocessing learns, it
            learns from them.
        config: See `fit_run`, with a backbone.
        steps: Steps of an epoch.

    Returns:
        The model, compiled.

    Raises:
        ValueError: If an option is wrong, or the data has values that preprocessing refuses.
    """
    keras.utils.set_random_seed(config["seed"])
    options = dict(config["options"])
    # Schedules inside the model run over the training that is planned.
    if "training_steps" in zoo.registry.list_options(config["variant"], config["backbone"]):
        options.setdefault("training_steps", config["epochs"] * steps)
    if options.get("explicit_mask"):
        raise ValueError(
            "`explicit_mask` is for models that are trained in Python: in the rows of a run NaN "
            "means what is missing. Received: explicit_mask=True"
        )
    if dataset.categorical and config["backbone"] == "tabular":
        options.setdefault("categorical", list(dataset.categorical))
    model = create(
        config["variant"],
        input_shape=train.shape[1:],
        code_dim=config["code_dim"],
        backbone=config["backbone"],
        **_preprocessing(dataset.kind, train, config),
        **options,
    )
    model.compile(
        optimizer=keras.optimizers.Adam(config["learning_rate"]),
        steps_per_execution=min(STEPS_PER_EXECUTION, steps),
    )
    return model


def _preprocessing(kind: str, train: Any, config: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `create` that depend on the data."""
    backbone, likelihood = config["backbone"], config["likelihood"]
    if kind == "text" or (backbone == "tabular" and train.ndim == 2):
        return {"adapt": train, "likelihood": likelihood}
    # Bytes have no NaN, by which a model is told what is missing.
    missing = zoo.registry.takes_missing_values(config["variant"], backbone)
    input_dtype = "uint8" if train.dtype == np.uint8 and not missing else "float32"
    if kind == "counts" or backbone == "text":
        return {"likelihood": likelihood or "multinomial", "input_dtype": input_dtype}
    layer, suited = zoo.datasets.preprocessing_for(train)
    return {
        "preprocessing": layer,
        "likelihood": likelihood or suited,
        "input_dtype": input_dtype,
    }
