"""The visible list of all op cards."""

from mcuq.ops import (
    add,
    average_pool_2d,
    concatenation,
    conv_2d,
    depthwise_conv_2d,
    dequantize,
    fully_connected,
    logistic,
    max_pool_2d,
    mean,
    mul,
    pack,
    pad,
    quantize,
    relu,
    relu6,
    reshape,
    shape,
    softmax,
    strided_slice,
    sub,
    tanh,
)
from mcuq.ops.card import Card

OPS: tuple[Card, ...] = (
    add.CARD,
    average_pool_2d.CARD,
    concatenation.CARD,
    conv_2d.CARD,
    depthwise_conv_2d.CARD,
    dequantize.CARD,
    fully_connected.CARD,
    logistic.CARD,
    max_pool_2d.CARD,
    mean.CARD,
    mul.CARD,
    pack.CARD,
    pad.CARD,
    quantize.CARD,
    relu.CARD,
    relu6.CARD,
    reshape.CARD,
    shape.CARD,
    softmax.CARD,
    strided_slice.CARD,
    sub.CARD,
    tanh.CARD,
)

_BY_NAME = {card.name: card for card in OPS}


def card_of(op: str) -> Card:
    """The card of that name; KeyError when mcuq does not know the op."""
    return _BY_NAME[op]


def add_card(card: Card) -> None:
    """Make a card known to this process beside OPS, until `remove_card`; ValueError when the name is taken."""
    if card.name in _BY_NAME:
        raise ValueError(f"mcuq has an op called {card.name} already")
    _BY_NAME[card.name] = card


def remove_card(card: Card) -> None:
    """Forget a card that `add_card` added."""
    if card not in OPS:
        _BY_NAME.pop(card.name, None)


def is_known(op: str) -> bool:
    """Whether there is a card of that name."""
    return op in _BY_NAME
