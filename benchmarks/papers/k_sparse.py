"""k-Sparse Autoencoders (Makhzani & Frey 2013), table of unsupervised features on MNIST.

    python -m benchmarks.papers.k_sparse --data-dir FOLDER_WITH_mnist.npz [--rows "k = 25" ...]

Takes about 50 minutes on one core. Trains autoencoders of one layer of 1,000 units on the 60,000
training images without labels (tied weights and squared error, as in the paper, on pixels less
their mean) and reports the test error of multinomial logistic regression on their rectified codes,
beside the figures of the paper, which are quoted from memory; and, from the paper on
winner-take-all autoencoders (2015), a linear SVM on 2,000 units that win for their share of the
batch and on the peaks of 128 feature maps. The weight decay of the classifier is chosen on the
last 10,000 training rows, as were rates and encoding; nothing is chosen on test labels. Writes
benchmarks/results/k_sparse.json.
"""

import argparse

import keras
import numpy as np

import zoo
import zoo.registry
from benchmarks.papers import mnist

UNITS = 1000
MAPS = 128
# Each unit learns from a twentieth of the images: it takes longer.
OF_WINNERS = {"units": 2 * UNITS, "epochs": 60}
# Maps have few weights, which 200 batches teach; a pass over all images takes long.
OF_MAPS = {"maps": MAPS, "images": 25_600, "epochs": 1, "learning_rate": 1e-2}
REGION = {"pool_size": 16, "strides": 6}
MASKING = {"corruption": "masking", "corruption_level": 0.3}


@zoo.registry.variant("dropout", kind="real", source="Hinton et al. 2012")
def dropout(plan, rate=0.5):
    """Rectified units, half of which are dropped at random before the decoder."""
    features = plan.backbone.encode(plan.encoder_input)
    code = keras.layers.Dense(plan.code_dim, "relu", name="code")(features)
    return plan.autoencoder(code, decoder_input=keras.layers.Dropout(rate)(code))


# What the paper found; variant and options. Codes keep all units, of which the rectified ones
# are classified by, as in the paper of 2015: on validation rows they do better than `alpha * k`.
ROWS = {
    "raw pixels": (7.20, None, {}),
    "denoising": (1.95, "denoising", {"activation": "relu", **MASKING}),
    "dropout": (1.80, "dropout", {}),
    "dropout + denoising": (1.60, "dropout", MASKING),
    **{
        f"k = {k}": (error, "k-sparse", {"k": k, "start_k": k, "alpha": UNITS / k})
        for k, error in ((40, 1.54), (25, 1.35), (10, 2.10))
    },
    "winner-take-all 5 %, 2000 units, SVM": (1.20, "winner-take-all", {"rate": 0.05}),
    f"winner-take-all 20 %, {MAPS} maps, SVM": (
        0.64,
        "convolutional-winner-take-all",
        {"rate": 0.2, "filters": (), "kernel_size": 7},
    ),
}


def learn_units(x, variant, options, units, seed, epochs, learning_rate):
    """Learns a layer of units from images: the encoder, whose codes are rectified."""
    ae = zoo.create(
        variant,
        (784,),
        units,
        hidden=(),
        tied=True,
        likelihood="gaussian",
        preprocessing=mnist.centring(x),
        **options,
    )
    mnist.train(ae, x, epochs, seed, learning_rate=learning_rate)
    return keras.Model(ae.encoder.input, keras.ops.relu(ae.encoder.output))


def learn_maps(x, variant, options, seed):
    """Learns feature maps from images: what finds the peaks of the maps' regions."""
    ae = zoo.create(
        variant,
        (784,),
        MAPS * 784,
        backbone="conv",
        likelihood="gaussian",
        preprocessing=keras.layers.Reshape((28, 28, 1)),
        **options,
    )
    some = x[: OF_MAPS["images"]]
    mnist.train(ae, some, OF_MAPS["epochs"], seed, learning_rate=OF_MAPS["learning_rate"])
    peaks = keras.layers.MaxPooling2D(**REGION, padding="same")(ae.get_layer("maps").output)
    return keras.Model(ae.encoder.input, keras.layers.Flatten()(peaks))


def main():
    """Measures the rows and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", help="folder with mnist.npz; else it is downloaded")
    parser.add_argument("--epochs", type=int, default=20, help="of rows without their own")
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", nargs="*", choices=[*ROWS], help="all by default")
    mnist.add_validate(parser)
    arguments = parser.parse_args()
    settings = {"units": UNITS, "epochs": arguments.epochs}
    settings |= {"learning_rate": arguments.learning_rate, "seed": arguments.seed}
    *parts, test = mnist.load(arguments.data_dir)
    x = np.concatenate([images for images, _ in parts])
    parts.append(None if arguments.validate else test)

    for name in arguments.rows or ROWS:
        keras.utils.set_random_seed(arguments.seed)
        paper, variant, options = ROWS[name]
        row = {"paper": paper}
        svm = "SVM" in name
        if variant is None:
            encoder = keras.layers.Identity()
        elif "maps" in name:
            encoder = learn_maps(x, variant, options, arguments.seed)
            row["settings"] = OF_MAPS | REGION | {"seed": arguments.seed}
        else:
            how = settings
            if svm:
                how = row["settings"] = settings | OF_WINNERS
            encoder = learn_units(x, variant, options, **how)
        codes = (part and (mnist.features(encoder, part[0]), part[1]) for part in parts)
        row["validation_error"], row["error"] = mnist.linear_errors(*codes, svm=svm)
        print(name, row, flush=True)
        if not arguments.validate:
            mnist.write("k_sparse", {name: row}, settings)
        keras.backend.clear_session()
    if not arguments.validate:
        mnist.write("k_sparse", {"RBM (paper alone)": {"error": None, "paper": 1.81}}, settings)


if __name__ == "__main__":
    main()
