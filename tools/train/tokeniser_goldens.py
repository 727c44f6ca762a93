"""What Hugging Face's tokenizers make of texts, for test/text: three small tokenizers and the tokens of each text.

    tools/train/.venv/bin/python tools/train/tokeniser_goldens.py

WordPiece as BERT has it, byte-level BPE as RoBERTa, Unigram as XLM-RoBERTa: normalisers, pre-tokenizers, models and
post-processors of the three families that encoders come with. Run by hand, in the environment of requirements.txt. A tokenizer
that is there already stays: two runs of the trainers break ties differently.
"""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import tokenizers
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import reviews

FOLDER = Path(__file__).resolve().parents[2] / "test/text"
SEED = 12
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]

TEXTS = [
    "",
    " ",
    "The room was clean.",
    "the staff wasn't friendly, never again!!",
    "  spaces   and\ttabs\nand\r\nlines  ",
    "Ünïcödé façade naïve Ångström ﬁne",
    "e\u0301 and \u00e9 are one, o\u0308 too",
    "東京のホテルは清潔でした",
    "отель был чистым",
    "👍🏽 great 👨‍👩‍👧 family 🇩🇪",
    "zero\u200bwidth and\u00a0no-break and \ufeff mark",
    "control \u0001\u0007 characters \ufffd",
    "[CLS] injected [SEP] [MASK] tokens <s> </s> <mask>",
    "don't can't we'll I'm they've",
    "1234567890 3.14 1,000,000 $5 50%",
    "supercalifragilisticexpialidocious " + "x" * 120,
    "a" * 300,
    "https://example.com/a_b-c?d=e&f=g#h",
    "MiXeD CaSe ÄÖÜ ß İstanbul ΣΊΣΥΦΟΣ",
    "the pool was lovely and the breakfast was delicious, we would come back. " * 6,
    "한국어 호텔 리뷰",
    "مرحبا بالعالم हिन्दी ไทย",
    "\U0001d4d0\U0001d4d1 ①②③ ㎏ ½",
    "tail newline\n\n\n",
]
SETTINGS = [
    {},
    {"maxLength": 8},
    {"maxLength": 8, "truncation": "left"},
    {"maxLength": 3},
    {"maxLength": 24, "padding": "max-length"},
]


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    corpus = [review.text for review in reviews.make(800, np.random.default_rng(SEED))]
    corpus += ["Ünïcödé façade naïve", "e\u0301 \u00e9", "東京のホテルは清潔でした", "отель был чистым", "👍🏽 👨‍👩‍👧 🇩🇪", "한국어 호텔",
               "1234567890 3.14 $5 50%", "https://example.com/a_b-c?d=e"] * 3
    golden = {"library": f"tokenizers {tokenizers.__version__}", "texts": TEXTS, "tokenizers": {}}
    for name, train in (("wordpiece", wordpiece), ("byte-level-bpe", byte_level_bpe), ("unigram", unigram)):
        path = FOLDER / f"{name}.tokenizer.json"
        if not path.exists():
            document = json.loads(train(corpus).to_str())
            path.write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")
        tokenizer = Tokenizer.from_file(str(path))
        golden["tokenizers"][name] = [answers(tokenizer, settings) for settings in SETTINGS]
    (FOLDER / "goldens.json").write_text(lines(golden))


def answers(tokenizer: Tokenizer, settings: dict) -> dict:
    tokenizer.no_truncation()
    tokenizer.no_padding()
    if "maxLength" in settings:
        tokenizer.enable_truncation(settings["maxLength"], direction=settings.get("truncation", "right"))
    if settings.get("padding") == "max-length":
        pad = next(token for token in ("[PAD]", "<pad>") if tokenizer.token_to_id(token) is not None)
        tokenizer.enable_padding(length=settings["maxLength"], pad_id=tokenizer.token_to_id(pad), pad_token=pad)
    rows = [tokenizer.encode(text) for text in TEXTS]
    return {"settings": settings, "rows": [{"ids": row.ids, "mask": row.attention_mask, "types": row.type_ids} for row in rows]}


def wordpiece(corpus: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(corpus, trainers.WordPieceTrainer(
        vocab_size=400, special_tokens=SPECIAL, show_progress=False, limit_alphabet=200))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")])
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    return tokenizer


def byte_level_bpe(corpus: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(
        vocab_size=500, special_tokens=ROBERTA[:4], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", tokenizer.token_to_id("</s>")), ("<s>", tokenizer.token_to_id("<s>")), trim_offsets=True,
        add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def unigram(corpus: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(tokenizers.Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.train_from_iterator(corpus, trainers.UnigramTrainer(
        vocab_size=420, special_tokens=ROBERTA, unk_token="<unk>", show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("<s>", "</s>")])
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def lines(golden: dict) -> str:
    """JSON with a row a line: a diff then shows which texts changed."""
    compact = {"ensure_ascii": False, "separators": (",", ":")}
    parts = [f'  "library": {json.dumps(golden["library"])}',
             '  "texts": [\n    ' + ",\n    ".join(json.dumps(text, ensure_ascii=True) for text in golden["texts"]) + "\n  ]"]
    kinds = []
    for name, answered in golden["tokenizers"].items():
        each = []
        for one in answered:
            rows = ",\n        ".join(json.dumps(row, **compact) for row in one["rows"])
            each.append(f'      {{"settings": {json.dumps(one["settings"])}, "rows": [\n        {rows}\n      ]}}')
        kinds.append(f'    "{name}": [\n' + ",\n".join(each) + "\n    ]")
    parts.append('  "tokenizers": {\n' + ",\n".join(kinds) + "\n  }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    main()
