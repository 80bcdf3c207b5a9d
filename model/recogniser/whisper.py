"""Recognition with Whisper through transformers (Radford et al. 2022), for example openai/whisper-large-v3.

Greedy decoding, so that the same audio gives the same words; then the text is read once more beside the audio, for
the times (see `warping`) and the probabilities of its tokens.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

import numpy as np
import torch
from torch import Tensor
from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperTokenizer
from transformers.modeling_outputs import BaseModelOutput

from model.codec_blocks import one_thread
from model.hub_folder import HubFolder, NetworkError, Wanted, check_complete, open_folder
from model.recogniser.contract import MODEL_RATE_HZ, SAMPLE_RATE_HZ, Heard, RecogniserError, at_model_rate
from model.recogniser.pieces import Token, words_of
from model.recogniser.warping import token_frames
from model.resample import Float32

RULES: Final = 1
"""To be raised when the text, the times or the confidence change: it is part of the digest."""
WANTED: Final = Wanted(
    kind="recogniser",
    fetch=(
        "fetch a Whisper model, as openai/whisper-small (config.json, generation_config.json, "
        "preprocessor_config.json, tokenizer.json, model.safetensors; Apache-2.0), and give its folder"
    ),
    files=("config.json", "generation_config.json", "preprocessor_config.json", "tokenizer.json"),
    more=("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "model.safetensors.index.json"),
    weights=("model.safetensors", "model-*-of-*.safetensors"),
)
WITHOUT_BLANKS: Final = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
_OTHER_CODES: Final = {"nb": "no", "fil": "tl", "jv": "jw", "cmn": "zh", "iw": "he"}


def load_whisper(name: str, device: str = "cpu") -> "WhisperRecogniser":
    """Load "whisper:FOLDER" or "whisper:HUB_ID" (its local cache first). Raises RecogniserError."""
    try:
        folder = open_folder(name.removeprefix("whisper:"), WANTED)
        digest = folder.digest(f"recogniser {RULES}")
        return WhisperRecogniser(name, digest, folder, device)
    except NetworkError as error:
        raise RecogniserError(str(error)) from error


class WhisperRecogniser:
    """Words by Whisper; see `model.recogniser.contract.Recogniser`.

    `confidence` is the mean probability of the word's tokens.
    """

    def __init__(self, name: str, digest: str, folder: HubFolder, device: str) -> None:
        """Raises NetworkError where the folder holds no Whisper."""
        self.name: Final = name
        self.digest: Final = digest
        self._device = torch.device(device)
        self._model, self._extract, self._tokenizer = _load(folder)
        self._model = self._model.train(mode=False).requires_grad_(False).to(self._device)
        config = self._model.generation_config
        self._end: Final[int] = config.eos_token_id
        self._plain: Final[int] = config.no_timestamps_token_id
        self._start: Final[int] = config.decoder_start_token_id
        known: dict[str, int] = getattr(config, "lang_to_id", None) or {}
        self._languages = {code.strip("<|>"): number for code, number in known.items()}
        self._heads: list[tuple[int, int]] = [tuple(h) for h in getattr(config, "alignment_heads", None) or []]
        if not self._heads:  # as in OpenAI's code
            layers, heads = self._model.config.decoder_layers, self._model.config.decoder_attention_heads
            self._heads = [(layer, head) for layer in range(layers // 2, layers) for head in range(heads)]

    def missing(self, language: str | None) -> str | None:
        """Why a language cannot be written down; one that is not known is listened for."""
        if language is None or self._code(language) is not None:
            return None
        knows = f"{len(self._languages)} languages" if self._languages else "English"
        return f'the recogniser {self.name} knows {knows}, not "{language}"'

    def language_of(self, audio: Float32) -> str | None:
        """The language of a stretch: Whisper's own guess; None if it knows only English."""
        if not self._languages or not audio.size:
            return None
        with one_thread():
            states = self._encoded(audio).states
            number = int(self._model.detect_language(encoder_outputs=states)[0])
        return next(code for code, n in self._languages.items() if n == number)

    def recognise(self, audio: Float32, *, language: str | None) -> Heard:
        """See `Recogniser.recognise`."""
        code = self._code(language or self.language_of(audio) or "en")
        if code is None or not audio.size:
            return Heard()
        with one_thread():
            sound = self._encoded(audio)
            prompt = [self._start, *self._asked(code), self._plain]
            text = self._written(sound.states, prompt)
            return self._read(sound, prompt, text, spaced=code not in WITHOUT_BLANKS)

    def _code(self, language: str) -> str | None:
        """Whisper's code of a language, None for one that it does not know."""
        primary = language.lower().replace("_", "-").split("-")[0]
        code = _OTHER_CODES.get(primary, primary)
        return code if code in (self._languages or {"en"}) else None

    def _asked(self, code: str) -> list[int]:
        """The tokens that ask for a language; a model that knows only English is not asked."""
        asked = self._model.generation_config
        return [self._languages[code], asked.task_to_id["transcribe"]] if self._languages else []

    def _encoded(self, audio: Float32) -> "_Encoded":
        low = at_model_rate(audio)
        features = self._extract(low, sampling_rate=MODEL_RATE_HZ, return_tensors="pt").input_features
        states = self._model.get_encoder()(features.to(self._device))
        frame_s = 2 * self._extract.hop_length / MODEL_RATE_HZ
        frames = min(math.ceil(low.size / MODEL_RATE_HZ / frame_s), states.last_hidden_state.shape[1])
        return _Encoded(states, frames, frame_s, audio.size / SAMPLE_RATE_HZ)

    def _written(self, states: BaseModelOutput, prompt: list[int]) -> list[int]:
        """The likeliest token, again and again, up to the end; no marks, and nothing that the model's makers bar."""
        asked = self._model.generation_config
        barred = list(asked.suppress_tokens or [])
        text: list[int] = []
        given, cache = prompt, None
        while len(prompt) + len(text) < self._model.config.max_target_positions:
            numbers = torch.tensor([given], device=self._device)
            read = self._model(
                encoder_outputs=states, decoder_input_ids=numbers, past_key_values=cache, use_cache=True
            )
            logits: Tensor = read.logits[0, -1].float()
            logits[self._end + 1 :] = -math.inf
            logits[barred if text else [*barred, *(asked.begin_suppress_tokens or [])]] = -math.inf
            number = int(logits.argmax())
            if number == self._end:
                break
            text.append(number)
            given, cache = [number], read.past_key_values
        return text

    def _read(self, sound: "_Encoded", prompt: list[int], text: list[int], *, spaced: bool) -> Heard:
        """The text with times and probabilities, read beside the audio that it was written from."""
        numbers = torch.tensor([[*prompt, *text]], device=self._device)
        read = self._model(
            encoder_outputs=sound.states, decoder_input_ids=numbers, output_attentions=True, use_cache=False
        )
        log_probs: Tensor = read.logits[0].float().log_softmax(-1).cpu()
        asked = len(prompt) - 1  # where the first token of the text is asked for
        chosen = log_probs[asked:].gather(1, torch.tensor([*text, self._end])[:, None])[:, 0]
        attention = torch.stack([read.cross_attentions[layer][0, head] for layer, head in self._heads])
        attention = attention[..., : sound.frames].float().cpu()
        starts = token_frames(attention, asked, self._model.config.median_filter_width)
        times_s = [min(sound.length_s, frame * sound.frame_s) for frame in starts]
        tokens = [Token(n, times_s[i], times_s[i + 1], float(chosen[i].exp())) for i, n in enumerate(text)]
        return Heard(
            words=tuple(words_of(tokens, self._decode, spaced=spaced)),
            no_speech=float(log_probs[0, self._plain - 1].exp()),
            log_probability=float(chosen.mean()),
        )

    def _decode(self, numbers: list[int]) -> str:
        return str(self._tokenizer.decode(numbers, clean_up_tokenization_spaces=False))


@dataclass(frozen=True, slots=True)
class _Encoded:
    """What the encoder makes of a stretch, of which only the first `frames` are the stretch's own."""

    states: BaseModelOutput
    frames: int
    frame_s: float
    length_s: float


def _load(folder: HubFolder) -> tuple[Any, Any, Any]:
    """The model, float32, with every weight from the folder, what makes its features, and its tokenizer."""
    folder.require_rate(MODEL_RATE_HZ)
    with folder.loading("Whisper"):
        loaded: object = WhisperForConditionalGeneration.from_pretrained(
            folder.path,
            use_safetensors=True,
            local_files_only=True,
            dtype=torch.float32,
            attn_implementation="eager",  # the others do not give their attention
            output_loading_info=True,
        )
        extract = WhisperFeatureExtractor.from_pretrained(folder.path, local_files_only=True)
        tokenizer = WhisperTokenizer.from_pretrained(folder.path, local_files_only=True)
        second = np.zeros(MODEL_RATE_HZ, np.float32)
        features = extract(second, sampling_rate=MODEL_RATE_HZ, return_tensors="pt").input_features
    model, report = cast(tuple[Any, dict[str, set[str]]], loaded)
    check_complete(model, sorted(report["missing_keys"]), folder, spare=("proj_out.weight",))
    wanted = (1, model.config.num_mel_bins, 2 * model.config.max_source_positions)
    if tuple(features.shape) != wanted or not bool(torch.isfinite(features).all()):
        raise folder.error(f"preprocessor_config.json in {folder.path} does not make what its model listens to")
    _check_stated(folder, model.generation_config, model.config)
    return model, extract, tokenizer


def _check_stated(folder: HubFolder, stated: Any, config: Any) -> None:
    """Raise NetworkError where generation_config.json does not state what is asked of it."""
    size, layers, heads = config.vocab_size, config.decoder_layers, config.decoder_attention_heads

    def token(value: object, least: int = -size) -> bool:
        return isinstance(value, int) and least <= value < size

    def head(value: object) -> bool:
        pair = isinstance(value, list | tuple) and len(value) == 2
        return pair and value[0] in range(layers) and value[1] in range(heads)  # type: ignore[index]

    def listed(values: object, fits: Callable[[object], bool]) -> bool:
        return values is None or (isinstance(values, list | tuple) and all(map(fits, values)))

    def named(values: object) -> bool:
        return values is None or (isinstance(values, dict) and all(map(token, values.values())))

    fits: dict[str, Callable[[object], bool]] = {
        **dict.fromkeys(
            ("no_timestamps_token_id", "eos_token_id", "decoder_start_token_id"), partial(token, least=0)
        ),
        **dict.fromkeys(("suppress_tokens", "begin_suppress_tokens"), partial(listed, fits=token)),
        **dict.fromkeys(("lang_to_id", "task_to_id"), named),
        "alignment_heads": partial(listed, fits=head),
    }
    for name, fit in fits.items():
        value = getattr(stated, name, None)
        if not fit(value):
            usable = "" if value is None else "usable "
            raise folder.error(f"generation_config.json in {folder.path} states no {usable}{name}")
    if getattr(stated, "lang_to_id", None) and "transcribe" not in (getattr(stated, "task_to_id", None) or {}):
        raise folder.error(f"generation_config.json in {folder.path} states languages, but no task_to_id")
