"""The separator: which share of each bin belongs to which of two known voices, and which of them speaks.

It starts from what examples of each voice explain (see `exemplars`) and corrects that with what it learned of speech
(pitch tracks, onsets, formants that go on) and with how much the sound around a frame is like each voice (cosines of
speaker embeddings). Two layers of LSTM in both directions over time.
"""

from typing import Final

import torch
from torch import Tensor, nn

from model.separator.spectrum import BANDS, BINS, in_bands

HIDDEN: Final = 200
TURNED_LIKENESS: Final = [2, 3, 0, 1]
"""The four likenesses, the three scores and the four states with the two speakers in the other order."""
TURNED_SCORES: Final = [1, 0, 2]
TURNED_STATES: Final = [0, 2, 1, 3]
SPANS: Final = (25, 75)  # frames of 20 ms around one, whose likeness to each voice the network is told
_ENTER: Final = 256
_FLOOR: Final = 1e-3  # of the mixture's mean magnitude


def states(scores: Tensor) -> Tensor:
    """Log likelihoods of nobody, the first, the second and both speaking, up to a sum: [..., 4] from [..., 3]."""
    first, second, more = scores.unbind(-1)
    return torch.stack([torch.zeros_like(first), first, second, first + second + more], -1)


class SeparatorNet(nn.Module):
    """Mixture and explanations, magnitudes [B, T, 320] each -> logits of the mask [B, T, 320], scores of speech.

    The scores, [B, T, 3], are those of the first speaking, of the second, and what is added where both do: the
    softmax of their `states` is the probability that nobody speaks, the first, the second, both (a powerset, as
    Plaquet and Bredin 2023 have it, which knows that voices exclude one another most of the time).

    likeness: [B, T, 4], of half a second and of 1.5 s to the first voice, then to the second. level: [B], mean
    magnitude of the recording's speech, so that a soft stretch stays soft. The mask's share is that of the first
    speaker, the second has the rest.
    """

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(3 * BANDS + 4, _ENTER)
        self.over_time = nn.LSTM(_ENTER, HIDDEN, 2, batch_first=True, bidirectional=True)
        self.mask = nn.Linear(2 * HIDDEN, BINS)
        self.speech = nn.Linear(2 * HIDDEN, 3)
        nn.init.zeros_(self.mask.weight)
        nn.init.zeros_(self.mask.bias)

    def forward(
        self, mixture_BTF: Tensor, first_BTF: Tensor, second_BTF: Tensor, likeness_BT4: Tensor, level_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """See the class."""
        hidden, start = self.listen(mixture_BTF, first_BTF, second_BTF, likeness_BT4, level_B)
        return start + self.mask(hidden), self.speech(hidden)

    def listen(
        self, mixture_BTF: Tensor, first_BTF: Tensor, second_BTF: Tensor, likeness_BT4: Tensor, level_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What the mask and the scores are made of, [B, T, 400], and the logits of the mask by the examples alone."""
        floor = (_FLOOR * level_B)[:, None, None]
        bands = [in_bands(x) + floor for x in (mixture_BTF, first_BTF, second_BTF)]
        mixture, first, second = (x.log() for x in bands)
        seen = [mixture - level_B.log()[:, None, None], first - mixture, second - mixture, 3.0 * likeness_BT4]
        hidden, _ = self.over_time(nn.functional.relu(self.enter(torch.cat(seen, 2))))
        return hidden, ((first_BTF + floor) / (second_BTF + floor)).log()
