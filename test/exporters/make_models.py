"""Trains small models with the tools that people use, writes them as those tools' exporters do, and writes what the trainer
itself answers: `python make_models.py FOLDER`. Each case is FOLDER/NAME.onnx and FOLDER/NAME.json:

    tool        the exporter, for messages
    inputs      by name: the rows to send, one element a row; null is a missing value
    outputs     by name: what the trainer says for each row
    tolerance   relative and absolute, of floats
    rows        False: rows of different callers must not share a batch

A case that its own exporter cannot write is reported in FOLDER/unwritten.json, with its words.
"""

import json
import os
import sys
import traceback
import warnings

import boosters
import estimators
import networks
from exported import write

warnings.filterwarnings("ignore")


def main(folder):
    os.makedirs(folder, exist_ok=True)
    unwritten = {}
    for source in (estimators, boosters, networks):
        for name, make in source.cases().items():
            try:
                write(folder, name, make())
            except Exception as error:  # the exporter's own, printed with the case
                unwritten[name] = f"{type(error).__name__}: {error}"[:500]
                if os.environ.get("VERBOSE"):
                    traceback.print_exc()
    with open(os.path.join(folder, "unwritten.json"), "w") as file:
        json.dump(unwritten, file)


if __name__ == "__main__":
    main(sys.argv[1])
