"""Keras networks, written by `model.export(format="onnx")`; what Keras itself predicts is right: `python make_keras.py FOLDER`."""

import os
import sys

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")

import keras
import numpy as np
from exported import ROWS, case, write
from keras import layers

random = np.random.default_rng(1)


def dense():
    inputs = random.normal(10, 4, (256, 13)).astype(np.float32)
    # An adapted Normalization layer comes out with an input of its own (findings/).
    scaler = layers.Rescaling(0.1)
    hidden = [layers.Dense(32, "relu"), layers.BatchNormalization(), layers.Dropout(0.2)]
    return inputs, [scaler, *hidden, layers.Dense(3, "softmax")]


def convolutions():
    inputs = random.random((256, 14, 14, 1)).astype(np.float32)
    hidden = [layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten()]
    return inputs, [*hidden, layers.Dense(3, "softmax")]


def recurrent():
    inputs = random.normal(0, 1, (256, 10, 4)).astype(np.float32)
    return inputs, [layers.LSTM(16), layers.Dense(3, "softmax")]


def main(folder):
    for name, make in {"dense": dense, "convolutions": convolutions, "recurrent": recurrent}.items():
        keras.utils.set_random_seed(0)
        inputs, stack = make()
        model = keras.Sequential([keras.Input(inputs.shape[1:]), *stack])
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(inputs, random.integers(0, 3, len(inputs)), epochs=2, verbose=0)
        path = os.path.join(folder, f"keras-{name}.onnx")
        model.export(path, format="onnx", verbose=False)
        with open(path, "rb") as file:
            written = file.read()
        sent = inputs[:ROWS]
        key = keras_input(written)
        write(folder, f"keras-{name}", case("keras", written, {key: sent}, [model.predict(sent, verbose=0)]))


def keras_input(written):
    import onnx

    return onnx.load_model_from_string(written).graph.input[0].name


if __name__ == "__main__":
    main(sys.argv[1])
