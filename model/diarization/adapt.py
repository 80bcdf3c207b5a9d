"""The separator's last layer adapted to the recording at hand.

Each of two speakers is known by his solo speech. Laid over one another at random, pieces of it are a conversation of
these two voices, on this line and in this room, of which it is known who speaks when. On it the layer that says who
speaks learns what its voices, known by the rest of their solo speech, look like alone and together.
"""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.diarization.track import Track
from model.separator.net import TURNED_STATES, states
from model.separator.spectrum import HOP
from model.speech import runs

Bool = NDArray[np.bool_]
Int16 = NDArray[np.int16]
Float32 = NDArray[np.float32]
Random = np.random.Generator

LENGTH: Final = 4_000  # frames of 20 ms of each of the two conversations
PART: Final = 400  # frames: every other stretch of so many is known, the rest talks
MOST: Final = 3_000  # frames of each speaker that he is known by
LEAST: Final = 75  # frames of each speaker in either part
PIECE: Final = (15, 120)  # frames of a turn
PAUSE: Final = 400  # frames between two turns of one speaker, at most: about as much overlap as people have
GAIN_DB: Final = 6.0  # pieces are made louder or softer by up to so much: a loud voice is not two
STEPS: Final = 60
LEARNING_RATE: Final = 2e-3
BETAS: Final = (0.9, 0.999)
_FADE: Final = 240  # samples


def adapted(track: Track, known_alone: Bool, alone: Bool) -> nn.Linear:
    """The layer for this recording; the trained one where there is too little solo speech.

    known_alone: frames [2, T] in which each speaker surely speaks alone; alone: those and others in which he may.
    """
    layer = track.networks.separator.speech
    random = np.random.default_rng(0)
    parts = np.arange(alone.shape[1]) // PART % 2
    seen, said = [], []
    for part in (0, 1):
        known = some_of(known_alone & (parts == part), random)
        talking = alone & (parts != part)
        if min(known.sum(1).min(), talking.sum(1).min()) < LEAST:
            return layer
        audio, activity = conversation(track.audio, talking, random)
        voices = track.know(known)
        hidden = Track(audio, np.ones(LENGTH, np.bool_), track.networks, voices).hidden(voices, 0, LENGTH)
        state = torch.from_numpy(activity[0] + 2 * activity[1].astype(np.int64))
        seen += list(hidden)
        said += [state, torch.tensor(TURNED_STATES)[state]]
    return fitted(layer, torch.cat(seen), torch.cat(said))


def some_of(alone: Bool, random: Random) -> Bool:
    """Stretches of PART frames, drawn until MOST of each speaker are there: a long recording costs no more."""
    blocks = np.arange(alone.shape[1]) // PART
    taken = np.zeros_like(alone)
    for block in random.permutation(np.unique(blocks[alone.any(0)])):
        if taken.sum(1).min() >= MOST:
            break
        taken |= alone & (blocks == block)
    return taken


def conversation(audio: Int16, alone: Bool, random: Random) -> tuple[Int16, Bool]:
    """LENGTH frames of pieces of each speaker's solo speech, and who speaks in them, [2, LENGTH]."""
    made, activity = np.zeros(LENGTH * HOP, np.float32), np.zeros((2, LENGTH), np.bool_)
    for speaker in (0, 1):
        stretches = [(a, b) for a, b in runs(alone[speaker]) if b - a >= PIECE[0]] or list(runs(alone[speaker]))
        sizes = np.array([b - a for a, b in stretches], np.float64)
        at = int(random.integers(PAUSE // 2))
        while at < LENGTH:
            start, end = stretches[int(random.choice(len(stretches), p=sizes / sizes.sum()))]
            size = min(end - start, int(random.integers(*PIECE)), LENGTH - at)
            first = int(random.integers(start, end - size + 1))
            gain = np.float32(10.0 ** (random.uniform(-GAIN_DB, GAIN_DB) / 20.0))
            made[at * HOP : (at + size) * HOP] += gain * _faded(audio[first * HOP : (first + size) * HOP])
            activity[speaker, at : at + size] = True
            at += size + int(random.integers(PAUSE))
    return np.rint(made).clip(-32_768, 32_767).astype(np.int16), activity


def _faded(piece: Int16) -> Float32:
    rise = np.arange(1, piece.size + 1, dtype=np.float32) / _FADE
    faded: Float32 = piece.astype(np.float32) * np.minimum(1.0, np.minimum(rise, rise[::-1]))
    return faded


def fitted(layer: nn.Linear, seen: Tensor, said: Tensor) -> nn.Linear:
    """A few steps from the trained layer, on one thread, so that the same comes out everywhere.

    seen: [n, 400]; said: the state, 0 to 3, of each.
    """
    own = nn.Linear(layer.in_features, layer.out_features)
    own.load_state_dict(layer.state_dict())
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    weights = list(own.parameters())
    means = [(torch.zeros_like(w), torch.zeros_like(w)) for w in weights]
    for step in range(1, STEPS + 1):
        loss = nn.functional.cross_entropy(states(own(seen)), said)
        gradients = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for weight, gradient, (mean, square) in zip(weights, gradients, means, strict=True):
                weight.sub_(_adam(gradient, mean, square, step))
    torch.set_num_threads(threads)
    return own.requires_grad_(False)


def _adam(gradient: Tensor, mean: Tensor, square: Tensor, step: int) -> Tensor:
    """A step of Kingma and Ba 2015; mean, square: of the gradients so far, brought up to date.

    torch.optim's first optimizer imports a compiler: a second and 100 MiB in each worker.
    """
    mean.lerp_(gradient, 1 - BETAS[0])
    square.lerp_(gradient.square(), 1 - BETAS[1])
    size = (square / (1 - BETAS[1] ** step)).sqrt() + 1e-8
    return LEARNING_RATE * (mean / (1 - BETAS[0] ** step)) / size
