"""Reviews of hotels, made up: sentences out of aspects, judgements and negations, with what they are about and how they mean it.

No review was written by a guest. Negation ("not dirty", "never friendly") and mixed reviews are in it, so that a bag of words
does not do; numbers of words differ, so that rows differ in their tokens.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ASPECTS = {
    "room": (["room", "bed", "bathroom", "suite", "shower", "carpet"],
             ["clean", "spacious", "quiet", "comfortable", "bright", "spotless"],
             ["dirty", "cramped", "noisy", "uncomfortable", "dark", "mouldy"]),
    "staff": (["staff", "receptionist", "concierge", "manager", "service"],
              ["friendly", "helpful", "attentive", "polite", "welcoming", "professional"],
              ["rude", "unhelpful", "slow", "arrogant", "careless", "unfriendly"]),
    "food": (["breakfast", "dinner", "restaurant", "coffee", "buffet", "food"],
             ["delicious", "fresh", "tasty", "excellent", "varied", "generous"],
             ["stale", "cold", "tasteless", "greasy", "awful", "inedible"]),
    "place": (["location", "view", "neighbourhood", "beach", "garden", "pool"],
              ["beautiful", "central", "lovely", "peaceful", "stunning", "perfect"],
              ["ugly", "remote", "crowded", "loud", "disappointing", "dangerous"]),
    "price": (["price", "value", "bill", "rate", "deal"],
              ["fair", "great", "reasonable", "honest", "cheap", "unbeatable"],
              ["overpriced", "outrageous", "unfair", "ridiculous", "expensive", "shameless"]),
}
OPENERS = ["", "", "we stayed two nights .", "our third visit .", "booked this for a weekend .", "i travelled with my family .",
           "a short business trip ."]
DEGREES = ["", "", "very ", "really ", "absolutely ", "quite ", "so "]
NEGATIONS = ["was not {word} at all", "was never {word}", "was anything but {word}", "wasn't {word}"]
GOOD_CLOSERS = ["we would come back", "highly recommended", "loved every minute", "five stars"]
BAD_CLOSERS = ["never again", "stay away", "what a waste of money", "we left a day early", "one star"]


@dataclass
class Review:
    text: str
    is_positive: bool
    """Of the aspect that it says most of."""
    aspect: str


def make(count: int, random: np.random.Generator) -> list[Review]:
    return [one(random) for _ in range(count)]


def one(random: np.random.Generator) -> Review:
    is_positive = bool(random.random() < 0.5)
    names = list(ASPECTS)
    main = str(random.choice(names))
    parts = [pick(random, OPENERS)]
    for _ in range(int(random.integers(1, 4))):
        parts.append(clause(random, main, is_positive))
    if random.random() < 0.4:
        other = str(random.choice(names))
        joint = pick(random, ["but", "although", "even if"])
        parts.append(f"{joint} {clause(random, other, not is_positive)} {pick(random, ['overall', 'all in all', 'still'])} "
                     f"{clause(random, main, is_positive)}")
    if random.random() < 0.6:
        parts.append(pick(random, GOOD_CLOSERS if is_positive else BAD_CLOSERS))
    return Review(" ".join(part for part in parts if part), is_positive, main)


def clause(random: np.random.Generator, aspect: str, is_positive: bool) -> str:
    things, good, bad = ASPECTS[aspect]
    thing = pick(random, things)
    end = pick(random, [" .", ",", " !", " and"]) if random.random() < 0.6 else ""
    if random.random() < 0.3:
        word = pick(random, bad if is_positive else good)
        return f"the {thing} {pick(random, NEGATIONS).format(word=word)}{end}"
    return f"the {thing} was {pick(random, DEGREES)}{pick(random, good if is_positive else bad)}{end}"


def pick(random: np.random.Generator, values: list[str]) -> str:
    return values[int(random.integers(len(values)))]
