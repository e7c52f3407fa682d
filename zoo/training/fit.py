"""Trains a model into a run folder; goes on where an earlier training was stopped."""

from __future__ import annotations

import platform
from typing import Any

import filelock
import keras
import numpy as np
import tensorflow as tf

import zoo.datasets
from zoo.autoencoder import Autoencoder
from zoo.checks import check_training_data
from zoo.diverged import DivergedError
from zoo.training.checkpoint import Checkpoint
from zoo.training.new_model import new_model
from zoo.training.pretraining import pretrain_run
from zoo.training.progress import ProgressBar
from zoo.training.recipe import complete
from zoo.training.run import Run
from zoo.training.teaching import codes_to_teach

MAX_VALIDATION_ROWS = 5000
VALIDATION_BATCH = 1000
HISTOGRAM_ROWS = 500


def fit_run(run: Run, config: dict[str, Any], progress: bool = True) -> Autoencoder:
    """Trains, or goes on training, the model of a run folder.

    If the folder holds a model it is trained up to `config["epochs"]`, seeing the very batches
    and noise that it would have seen without the interruption.

    Args:
        run: The folder.
        config: `data`, `data_dir`, `reading` (how `zoo.datasets.load` reads it; may be left out),
            `variant`, `backbone` and `likelihood` (`None` to choose by the data), `code_dim`,
            `epochs` (`None` for about 4,000 steps, 500 where codes are taught), `neighbours`
            (how many rows each row is to be near to, see `zoo.neighbours`; `None` or left out
            for 30 where the variant can be taught codes, 0 for none), `pretrain_epochs` (of each
            layer by itself before, see `zoo.pretrain`; may be left out), `batch_size`,
            `learning_rate`, `seed`, `options`.
        progress: Whether to show a progress bar.

    Returns:
        The trained model, which is also in the folder.

    Raises:
        ValueError: If an option is wrong, the data is not what the run began with, or another
            process is training into the folder.
        FileNotFoundError: If the data can't be found.
        DivergedError: If the loss became NaN or infinite; what was saved before stays.
    """
    if config["seed"] < 0:
        raise ValueError(f"`seed` must not be negative. Received: seed={config['seed']}")
    for name in ("epochs", "batch_size", "learning_rate", "pretrain_epochs"):
        if config.get(name) is not None and not config[name] > 0:
            raise ValueError(f"`{name}` must be positive. Received: {name}={config[name]}")
    dataset = zoo.datasets.load_for(config)
    fingerprint = dataset.fingerprint()
    train, validation = _hold_out(dataset.x_train, config["seed"])
    batch_size = min(config["batch_size"], len(train))
    steps = len(train) // batch_size
    config = complete(config, dataset, len(train))
    try:
        with run.lock():
            if run.model_file.exists():
                begun = run.read_config()
                begun_with = begun["data_fingerprint"]
                if fingerprint != begun_with:
                    raise ValueError(
                        f"The data {config['data']!r} is not what {run.folder} was begun with. "
                        f"Received: fingerprint {fingerprint[:12]}, expected {begun_with[:12]}"
                    )
                model = run.load_model()
            else:
                model = new_model(dataset, train, config, steps)
            check_training_data(model, dataset.x_train, "x_train")
            epochs_done = int(model.optimizer.iterations) // steps
            config["likelihood"] = model.likelihood
            recorded = {**config, "data_fingerprint": fingerprint, "versions": _versions()}
            if epochs_done >= config["epochs"]:
                recorded["epochs"] = begun["epochs"]  # nothing is left to do
            run.write_json(run.config_file, recorded)
            if config.get("pretrain_epochs") and not epochs_done:
                pretrain_run(run, model, train, config, progress)
            codes = codes_to_teach(run, model, train, config, progress)
            checkpoint = Checkpoint(run, validation[:HISTOGRAM_ROWS], epochs_done)
            callbacks = [
                checkpoint,
                keras.callbacks.TensorBoard(run.tensorboard_folder, write_graph=False),
            ]
            if progress:
                callbacks.append(ProgressBar(config["epochs"], epochs_done))
            model.fit(
                zoo.datasets.shuffled_batches(
                    train, batch_size, config["seed"], epochs_done, codes
                ),
                steps_per_epoch=steps,
                initial_epoch=epochs_done,
                epochs=config["epochs"],
                validation_data=validation,
                validation_batch_size=VALIDATION_BATCH,
                callbacks=callbacks,
                shuffle=False,
                verbose=0,
            )
            if checkpoint.diverged is not None:
                raise DivergedError(
                    f"the loss became NaN in epoch {checkpoint.diverged + 1}; lower --learning-rate"
                )
            return model
    except filelock.Timeout:
        raise ValueError(f"Another process is training into {run.folder}.") from None


def _hold_out(x: Any, seed: int) -> tuple[Any, np.ndarray]:
    """Splits off the rows that curves are measured on; the test rows stay untouched."""
    if len(x) < 2:
        raise ValueError(
            "Training wants at least two rows besides those held out to test with, one of them "
            f"to draw the curves on. Received: {len(x)}"
        )
    order = np.random.default_rng(seed).permutation(len(x))
    count = min(MAX_VALIDATION_ROWS, max(1, len(x) // 10))
    return x.take(np.sort(order[count:]), axis=0), x[np.sort(order[:count])]


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
    }
