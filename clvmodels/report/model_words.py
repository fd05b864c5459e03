"""What the report says of each model: its name, its story and what it takes for granted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clvmodels.wording import printable


@dataclass(frozen=True)
class ModelWords:
    """A model in words.

    ``caveat`` is for readers of P(alive), where the model decides it rather than the data.
    """

    name: str
    story: str
    caveat: str = ""


MODELS = {
    "bgnbd": ModelWords(
        "BG/NBD",
        "customers buy at their own rates and may leave after any repeat purchase",
        "In this model (BG/NBD) a customer can only leave after a repeat purchase, so every "
        "one-time buyer counts as active. That is the model's assumption, not a fact.",
    ),
    "mbgnbd": ModelWords(
        "MBG/NBD",
        "customers buy at their own rates and may leave after any purchase, the first included",
    ),
    "nbd": ModelWords(
        "NBD",
        "customers buy at their own rates and never leave",
        "In this model (NBD) nobody ever leaves, so everyone counts as active. That is the "
        "model's assumption, not a fact.",
    ),
    "pareto_nbd": ModelWords(
        "Pareto/NBD", "customers buy at their own rates and may leave at any time"
    ),
    "gamma_gamma": ModelWords(
        "Gamma-Gamma", "orders of one customer vary around the customer's own mean"
    ),
}
_METHODS = {
    "map": "maximum a posteriori",
    "mle": "maximum likelihood",
    "laplace": "draws around the mode of the posterior",
    "nuts": "a Markov chain through the posterior",
}


def in_words(name: str) -> str:
    """Give the usual name of a model or of a way of learning it."""
    return MODELS[name].name if name in MODELS else _METHODS.get(name, printable(name))


def caveat(models: Sequence[str]) -> str:
    """Say what in P(alive) the models assume rather than learn; empty if nothing."""
    return " ".join(MODELS[name].caveat for name in models if name in MODELS).strip()


def definition(models: Sequence[str]) -> str:
    """Say what the models take customers to be like."""
    told = "; ".join(
        f"{MODELS[name].story} ({MODELS[name].name})" for name in models if name in MODELS
    )
    return f"The models: {told}. The parameters below describe how much customers differ in this."
