"""Trains the example models, exports them to ONNX, and checks every export against its training library.

    tools/train/run.sh [--data FOLDER] [--out FOLDER] [--only GROUP ...]

Goals: small, honest models with a fixed seed and held-out metrics; the same bytes from two runs on one machine.
Non-goals: the best possible metrics; bit-equal weights on processors with other vector units.
"""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

import digits
import example_model
import fraud
import models_readme
import sentences
import two_by_two
import wine

PROJECT = Path(__file__).resolve().parents[2]
GROUPS = ("wine", "digits", "fraud", "two-by-two", "sentences")


def main() -> int:
    arguments = parse()
    trainers = {"wine": lambda: wine.train(arguments.data), "digits": digits.train, "fraud": fraud.train,
                "two-by-two": two_by_two.train, "sentences": lambda: sentences.train(arguments.out)}
    examples = []
    for group in arguments.only or GROUPS:
        for example in trainers[group]():
            example_model.write(arguments.out, example)
            share = example_model.check(arguments.out / example.name)
            print(f"{example.name}: {example.headline}; golden rows within {share:.2g} of the tolerance", flush=True)
            examples.append(example)
    if arguments.only is None:
        models_readme.write(arguments.out, examples)
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Trains the example models and exports them to ONNX.")
    parser.add_argument("--data", type=Path, default=PROJECT.parent / "shared/data/wine-quality",
                        help="folder with red.csv and white.csv (default: ../shared/data/wine-quality)")
    parser.add_argument("--out", type=Path, default=PROJECT / "examples/models", help="default: examples/models")
    parser.add_argument("--only", nargs="+", choices=GROUPS,
                        help="train these groups alone; the README with the table of all is then left as it is")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
