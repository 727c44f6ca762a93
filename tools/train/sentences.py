"""review-encoder and review-sentiment: two small transformers on made-up reviews of hotels, and the tokenizer of both.

The tokenizer is WordPiece, built with Hugging Face's own library, framed as BERT frames a text. Both networks have one layer of
attention; the encoder learns to bring reviews together that are about the same thing and mean it alike (supervised contrastive
loss over the mean of its tokens), the classifier reads that mean. Trained with JAX, whose forward pass gives the golden
outputs; the ONNX graphs are written node by node from the same weights.
"""
from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import tokenizers
from onnx import TensorProto, helper
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

import reviews
from example_model import ExampleModel
from graphs import GraphBuilder, floats

SEED = 12
VOCABULARY, WIDTH, HEADS, INNER, POSITIONS = 600, 48, 4, 96, 64
TRAINING, HELD_OUT = 6000, 1500
EPOCHS, BATCH, RATE = 10, 100, 3e-3
TEMPERATURE = 0.2
GOLDEN_TOKENS = 12
TOKENIZER = "reviews"
Weights = dict[str, jax.Array]


@dataclass
class Rows:
    ids: np.ndarray
    mask: np.ndarray
    positive: np.ndarray
    aspect: np.ndarray
    texts: list[str]


def train(folder: Path) -> list[ExampleModel]:
    """@param folder where tokenizers/reviews.json is written, beside the models."""
    random = np.random.default_rng(SEED)
    made = reviews.make(TRAINING + HELD_OUT, random)
    tokenizer = tokenizer_of([review.text for review in made[:TRAINING]])
    target = folder.parent / "tokenizers" / f"{TOKENIZER}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    document = json.loads(tokenizer.to_str())
    document["padding"] = None
    target.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    training, held_out = rows_of(tokenizer, made[:TRAINING]), rows_of(tokenizer, made[TRAINING:])
    return [encoder(training, held_out), sentiment(training, held_out)]


def tokenizer_of(texts: list[str]) -> tokenizers.Tokenizer:
    """Its vocabulary is the words of the texts that are there often enough, and letters for all others: the library's trainer
    breaks ties differently in two runs."""
    normalizer, splitter = tokenizers.normalizers.BertNormalizer(lowercase=True), tokenizers.pre_tokenizers.BertPreTokenizer()
    counts = Counter(word for text in texts for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text)))
    letters = [*"abcdefghijklmnopqrstuvwxyz0123456789"]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{letter}" for letter in letters), "##s", "##ed", "##ing", "##ly", *".,!?'-"]
    words = [word for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if count >= 5]
    vocabulary = list(dict.fromkeys([*pieces, *words]))[:VOCABULARY]
    model = tokenizers.models.WordPiece({piece: index for index, piece in enumerate(vocabulary)}, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    special = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=special)
    tokenizer.decoder = tokenizers.decoders.WordPiece(prefix="##")
    tokenizer.enable_truncation(POSITIONS)
    return tokenizer


def rows_of(tokenizer: tokenizers.Tokenizer, made: list[reviews.Review]) -> Rows:
    tokenizer.enable_padding(length=POSITIONS, pad_id=0, pad_token="[PAD]")
    encoded = tokenizer.encode_batch([review.text for review in made])
    aspects = list(reviews.ASPECTS)
    return Rows(
        ids=np.array([row.ids for row in encoded], dtype=np.int64),
        mask=np.array([row.attention_mask for row in encoded], dtype=np.int64),
        positive=np.array([review.is_positive for review in made], dtype=np.int64),
        aspect=np.array([aspects.index(review.aspect) for review in made], dtype=np.int64),
        texts=[review.text for review in made])


# ── the network ──────────────────────────────────────────────────────────────────────────────────


def initial(random: np.random.Generator, with_head: bool) -> Weights:
    def layer(*shape: int) -> jax.Array:
        return jnp.asarray(random.normal(scale=shape[0] ** -0.5, size=shape), dtype=jnp.float32)

    weights = {"tokens": layer(VOCABULARY, WIDTH) * VOCABULARY ** 0.5 * 0.1, "positions": layer(POSITIONS, WIDTH) * 0.1,
               "query": layer(WIDTH, WIDTH), "key": layer(WIDTH, WIDTH), "value": layer(WIDTH, WIDTH), "mixed": layer(WIDTH, WIDTH),
               "inner": layer(WIDTH, INNER), "inner_bias": jnp.zeros(INNER),
               "outer": layer(INNER, WIDTH), "outer_bias": jnp.zeros(WIDTH)}
    return {**weights, "head": layer(WIDTH, 2), "head_bias": jnp.zeros(2)} if with_head else weights


def hidden(weights: Weights, ids: jax.Array, mask: jax.Array) -> jax.Array:
    """ids, mask [n, s] → [n, s, WIDTH]."""
    count, length = ids.shape
    x = weights["tokens"][ids] + weights["positions"][:length]

    def heads(name: str) -> jax.Array:
        return dot(x, weights[name]).reshape(count, length, HEADS, WIDTH // HEADS).transpose(0, 2, 1, 3)

    scores = jnp.matmul(heads("query"), heads("key").transpose(0, 1, 3, 2), precision="highest") / (WIDTH // HEADS) ** 0.5
    shares = jax.nn.softmax(scores + ((1 - mask) * -1e4)[:, None, None, :], axis=-1)
    mixed = jnp.matmul(shares, heads("value"), precision="highest").transpose(0, 2, 1, 3).reshape(count, length, WIDTH)
    x = norm(x + dot(mixed, weights["mixed"]))
    return norm(x + dot(jax.nn.relu(dot(x, weights["inner"]) + weights["inner_bias"]), weights["outer"]) + weights["outer_bias"])


def dot(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return jnp.matmul(x, kernel, precision="highest")


def norm(x: jax.Array) -> jax.Array:
    centred = x - x.mean(-1, keepdims=True)
    return centred / jnp.sqrt((centred ** 2).mean(-1, keepdims=True) + 1e-5)


def pooled(weights: Weights, ids: jax.Array, mask: jax.Array) -> jax.Array:
    return (hidden(weights, ids, mask) * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)


def embedding(weights: Weights, ids: jax.Array, mask: jax.Array) -> jax.Array:
    mean = pooled(weights, ids, mask)
    return mean / jnp.linalg.norm(mean, axis=1, keepdims=True)


def logits(weights: Weights, ids: jax.Array, mask: jax.Array) -> jax.Array:
    return dot(pooled(weights, ids, mask), weights["head"]) + weights["head_bias"]


def fit(loss: object, with_head: bool, rows: Rows) -> Weights:
    random = np.random.default_rng(SEED)
    weights = initial(random, with_head)
    steps = EPOCHS * (len(rows.ids) // BATCH)
    optimiser = optax.adamw(optax.warmup_cosine_decay_schedule(0, RATE, steps // 10, steps), weight_decay=1e-2)
    state = optimiser.init(weights)

    @jax.jit
    def step(weights: Weights, state: object, *batch: jax.Array) -> tuple[Weights, object]:
        updates, state = optimiser.update(jax.grad(loss)(weights, *batch), state, weights)
        return optax.apply_updates(weights, updates), state

    for _ in range(EPOCHS):
        order = random.permutation(len(rows.ids))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            chosen = order[start:start + BATCH]
            weights, state = step(weights, state, rows.ids[chosen], rows.mask[chosen], rows.positive[chosen], rows.aspect[chosen])
    return weights


# ── the models ───────────────────────────────────────────────────────────────────────────────────


def encoder(training: Rows, held_out: Rows) -> ExampleModel:
    def loss(weights: Weights, ids: jax.Array, mask: jax.Array, positive: jax.Array, aspect: jax.Array) -> jax.Array:
        vectors = embedding(weights, ids, mask)
        alike = (positive[:, None] == positive) & (aspect[:, None] == aspect) & ~jnp.eye(len(ids), dtype=bool)
        scores = jnp.where(jnp.eye(len(ids), dtype=bool), -1e9, dot(vectors, vectors.T) / TEMPERATURE)
        shares = jax.nn.log_softmax(scores, axis=1)
        return -(jnp.where(alike, shares, 0).sum(1) / jnp.maximum(alike.sum(1), 1)).mean()

    weights = fit(loss, False, training)
    ids, mask = held_out.ids, held_out.mask
    # Short reviews alone, cut to their length: 48 numbers a token make a long golden file.
    short = mask.sum(1) <= GOLDEN_TOKENS
    golden_ids, golden_mask = ids[short][:, :GOLDEN_TOKENS], mask[short][:, :GOLDEN_TOKENS]
    states = np.asarray(hidden(weights, golden_ids, golden_mask), dtype=np.float32)
    words = CountVectorizer().fit(training.texts).transform(held_out.texts).toarray().astype(np.float64)
    found = {"encoder": neighbours(np.asarray(embedding(weights, ids, mask)), held_out),
             "words": neighbours(words / np.linalg.norm(words, axis=1, keepdims=True), held_out)}
    graph = graph_of(weights, "last_hidden_state")
    model = graph.model("review-encoder", token_fields(), [floats("last_hidden_state", "S", WIDTH)])
    return ExampleModel(
        "review-encoder", "Reviews of hotels as vectors: a transformer of one layer, to be pooled by its mask", model,
        inputs={"input_ids": golden_ids, "attention_mask": golden_mask}, outputs={"last_hidden_state": states},
        library=f"jax {jax.__version__}", data="made up by tools/train/reviews.py", absolute=1e-4,
        metrics={"heldOut": found["encoder"], "trainRows": TRAINING, "heldOutRows": HELD_OUT, "seed": SEED,
                 "baselines": {"words": found["words"]}},
        headline=f"nearest review of the same aspect {found['encoder']['sameAspect']:.3f} (words {found['words']['sameAspect']:.3f}), "
                 f"of the same aspect and opinion {found['encoder']['same']:.3f} ({found['words']['same']:.3f})")


def neighbours(vectors: np.ndarray, rows: Rows) -> dict[str, float]:
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -2)
    nearest = scores.argmax(1)
    aspect = rows.aspect[nearest] == rows.aspect
    return {"sameAspect": round(float(aspect.mean()), 4),
            "same": round(float((aspect & (rows.positive[nearest] == rows.positive)).mean()), 4)}


def sentiment(training: Rows, held_out: Rows) -> ExampleModel:
    def loss(weights: Weights, ids: jax.Array, mask: jax.Array, positive: jax.Array, _: jax.Array) -> jax.Array:
        return optax.softmax_cross_entropy_with_integer_labels(logits(weights, ids, mask), positive).mean()

    weights = fit(loss, True, training)
    ids, mask = held_out.ids, held_out.mask
    answers = np.asarray(jax.nn.softmax(logits(weights, ids, mask)), dtype=np.float32)
    accuracy = float((answers.argmax(1) == held_out.positive).mean())
    words = CountVectorizer().fit(training.texts)
    linear = LogisticRegression(max_iter=500).fit(words.transform(training.texts), training.positive)
    base = float(linear.score(words.transform(held_out.texts), held_out.positive))
    graph = graph_of(weights, "hidden")
    axis = graph.weight("token_axis", np.array([1], dtype=np.int64))
    weight = graph.add("Unsqueeze", ["present", graph.weight("width_axis", np.array([2], dtype=np.int64))], "weight")
    total = graph.add("ReduceSum", [graph.add("Mul", ["hidden", weight], "kept"), axis], "total", keepdims=0)
    mean = graph.add("Div", [total, graph.add("ReduceSum", [weight, axis], "count", keepdims=0)], "mean")
    graph.add("Softmax", [graph.dense(mean, "logits", [(np.asarray(weights["head"]), np.asarray(weights["head_bias"]))])],
              "probabilities", axis=1)
    model = graph.model("review-sentiment", token_fields(), [floats("probabilities", 2)])
    return ExampleModel(
        "review-sentiment", "Whether a review of a hotel is negative or positive, by a transformer of one layer", model,
        inputs={"input_ids": ids, "attention_mask": mask}, outputs={"probabilities": answers},
        library=f"jax {jax.__version__}", data="made up by tools/train/reviews.py",
        metrics={"heldOut": {"accuracy": round(accuracy, 4)}, "trainRows": TRAINING, "heldOutRows": HELD_OUT, "seed": SEED,
                 "baselines": {"wordsLogistic": {"accuracy": round(base, 4)}}},
        headline=f"accuracy {accuracy:.3f} (logistic over words {base:.3f})")


def token_fields() -> list:
    return [helper.make_tensor_value_info(name, TensorProto.INT64, ["N", "S"]) for name in ("input_ids", "attention_mask")]


def graph_of(weights: Weights, output: str) -> GraphBuilder:
    """`input_ids`, `attention_mask` → `output` [N, S, WIDTH], as `hidden` computes it."""
    graph = GraphBuilder()
    arrays = {key: np.asarray(value, dtype=np.float32) for key, value in weights.items()}

    def constant(key: str, values: object, dtype: type = np.int64) -> str:
        return graph.weight(key, np.array(values, dtype=dtype))

    graph.add("Shape", ["input_ids"], "shape")
    graph.add("Gather", ["shape", constant("second", [1])], "length")
    start = constant("start", [0])
    table = graph.weight("positions", arrays["positions"])
    graph.add("Slice", [table, start, "length", start], "places")
    graph.add("Add", [graph.add("Gather", [graph.weight("tokens", arrays["tokens"]), "input_ids"], "embedded"), "places"], "x")
    present = graph.add("Cast", ["attention_mask"], "present", to=TensorProto.FLOAT)
    absent = graph.add("Sub", [constant("one", 1, np.float32), present], "absent")
    penalty = graph.add("Mul", [absent, constant("minus", -1e4, np.float32)], "penalty_flat")
    graph.add("Unsqueeze", [penalty, constant("penalty_axes", [1, 2])], "penalty")
    split = constant("split", [0, 0, HEADS, WIDTH // HEADS])
    for key, order in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])):
        graph.add("MatMul", ["x", graph.weight(f"{key}_kernel", arrays[key])], f"{key}_flat")
        graph.add("Transpose", [graph.add("Reshape", [f"{key}_flat", split], f"{key}_split")], key, perm=order)
    scores = graph.add("Div", [graph.add("MatMul", ["query", "key"], "products"),
                               constant("root", (WIDTH // HEADS) ** 0.5, np.float32)], "scores")
    graph.add("Softmax", [graph.add("Add", [scores, "penalty"], "masked")], "shares", axis=-1)
    graph.add("Transpose", [graph.add("MatMul", ["shares", "value"], "mixed_split")], "mixed_turned", perm=[0, 2, 1, 3])
    graph.add("Reshape", ["mixed_turned", constant("join", [0, 0, WIDTH])], "mixed_flat")
    graph.add("MatMul", ["mixed_flat", graph.weight("mixed_kernel", arrays["mixed"])], "attended")
    ones, zeros = graph.weight("ones", np.ones(WIDTH, np.float32)), graph.weight("zeros", np.zeros(WIDTH, np.float32))
    graph.add("LayerNormalization", [graph.add("Add", ["x", "attended"], "sum_1"), ones, zeros], "norm_1", axis=-1)
    inner = graph.add("MatMul", ["norm_1", graph.weight("inner_kernel", arrays["inner"])], "inner_flat")
    inner = graph.add("Relu", [graph.add("Add", [inner, graph.weight("inner_bias", arrays["inner_bias"])], "inner_sum")], "inner")
    outer = graph.add("MatMul", [inner, graph.weight("outer_kernel", arrays["outer"])], "outer_flat")
    outer = graph.add("Add", [outer, graph.weight("outer_bias", arrays["outer_bias"])], "outer")
    graph.add("LayerNormalization", [graph.add("Add", ["norm_1", outer], "sum_2"), ones, zeros], output, axis=-1)
    return graph
