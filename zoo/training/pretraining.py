"""Layer-wise pre-training as the first part of a run."""

from __future__ import annotations

from typing import Any

import keras

from zoo.autoencoder import Autoencoder
from zoo.stacked import pretrain
from zoo.training.progress import ProgressBar
from zoo.training.run import Run


def pretrain_run(
    run: Run, model: Autoencoder, train: Any, config: dict[str, Any], progress: bool
) -> None:
    """Pre-trains a model that was never trained as a whole; goes on where it was stopped.

    The model is saved after each layer, with the errors so far as `"pretrained"` in its recipe,
    so that a kill costs one layer's work.

    Args:
        run: The folder.
        model: The model, new or loaded from the folder.
        train: Training rows.
        config: `pretrain_epochs` for each layer, `batch_size`, `learning_rate` and `seed`.
        progress: Whether to show a progress bar for each layer.

    Raises:
        ValueError: If the model's trunks are not dense ones that mirror each other.
    """
    done = list(model.recipe.get("pretrained", []))
    epochs = config["pretrain_epochs"]

    def begin(pair: int, pairs: int) -> list[keras.callbacks.Callback]:
        # So that a layer begins the same whether those before it were trained now or earlier.
        keras.utils.set_random_seed(config["seed"] + pair)
        return [ProgressBar(epochs, what=f"layer {pair + 1}/{pairs}: epoch")] if progress else []

    def save(error: float) -> None:
        done.append(error)
        model.recipe = {**model.recipe, "pretrained": done}
        run.save_model(model)

    pretrain(
        model,
        train,
        epochs,
        batch_size=min(config["batch_size"], len(train)),
        learning_rate=config["learning_rate"],
        first=len(done),
        callbacks=begin,
        after=save,
    )
