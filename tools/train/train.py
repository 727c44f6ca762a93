"""Trains the example models, exports them to ONNX, and checks every export against its training library.

    tools/train/run.sh [--data FOLDER] [--out FOLDER] [--only NAME ...]

Goals: small, honest models with a fixed seed and held-out metrics; the same bytes from two runs on one machine.
Non-goals: the best possible metrics; bit-equal weights on processors with other vector units.
"""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

import example_model
import fraud
import wine

PROJECT = Path(__file__).resolve().parents[2]


def main() -> int:
    arguments = parse()
    groups = {"wine": lambda: wine.train(arguments.data), "fraud": fraud.train}
    for name in arguments.only or groups:
        for example in groups[name]():
            example_model.write(arguments.out, example)
            share = example_model.check(arguments.out / example.name)
            print(f"{example.name}: {example.headline}; golden within {share:.2g} of the tolerance")
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Trains the example models and exports them to ONNX.")
    parser.add_argument("--data", type=Path, default=PROJECT.parent / "shared/data/wine-quality",
                        help="folder with red.csv and white.csv (default: ../shared/data/wine-quality)")
    parser.add_argument("--out", type=Path, default=PROJECT / "examples/models", help="default: examples/models")
    parser.add_argument("--only", nargs="+", choices=["wine", "fraud"], help="train these groups alone")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
