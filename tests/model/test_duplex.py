import math

import pytest
import torch
from torch.nn import functional

from model.duplex import (
    MOSHI_7B,
    DuplexConfig,
    DuplexModel,
    LossWeights,
    StreamNll,
    stream_nll,
    training_loss,
)
from model.streams import DELAYS
from model.transformer import RMSNorm, rope

TINY = {
    "dim": 16,
    "heads": 2,
    "layers": 2,
    "ffn_dim": 24,
    "depth_dim": 8,
    "depth_heads": 2,
    "depth_layers": 2,
    "depth_ffn_dim": 12,
    "card": 24,
    "text_card": 20,
    "dropout": 0.0,
}


def wave_model(**config: int) -> DuplexModel:
    """A network whose weights are sine waves, so that any implementation can be given the same ones."""
    model = DuplexModel(DuplexConfig(**(TINY | config))).eval()
    with torch.no_grad():
        for place, (_, parameter) in enumerate(sorted(model.named_parameters())):
            steps = torch.arange(parameter.numel(), dtype=torch.float64)
            wave = torch.sin(steps * (0.7 + 0.013 * place) + place).view(parameter.shape)
            parameter.copy_(1 + 0.2 * wave if parameter.dim() == 3 else 0.4 * wave)
    return model


def some_codes(n_frames: int = 8) -> torch.Tensor:
    frames, streams = torch.arange(n_frames), torch.arange(17)[:, None]
    return ((7 * frames + 5 * streams + frames**2) % 20)[None].clone()


def test_logits_are_those_of_kyutais_implementation() -> None:
    # The same weights and codes in the package moshi 0.2.13 (LMModel.forward); its delays, -1 and context included.
    codes = some_codes()
    codes[0, 3, 4] = codes[0, 0, 2] = -1
    out = wave_model(context_frames=4)(codes)
    got = [out.text_logits[0, 6], *(out.audio_logits[k][0, t] for k, t in ((0, 6), (1, 5), (7, 6), (8, 7), (15, 3)))]
    expected = [
        [0.7153, -0.8739, 0.3202, 0.4945],
        [1.5829, 2.0876, 1.4157, -0.0539],
        [-1.5921, -1.6724, -1.0388, 0.0382],
        [0.0464, -0.1952, -0.3725, -0.4269],
        [0.0708, -0.0557, -0.1569, -0.1871],
        [1.656, 1.6511, 1.6435, 1.6329],
    ]
    torch.testing.assert_close(torch.stack([logits[:4] for logits in got]), torch.tensor(expected), atol=2e-4, rtol=0)
    assert out.text_mask[0].tolist() == [True] * 2 + [False] + [True] * 5
    assert out.audio_mask[0, 2].tolist() == [True] * 4 + [False] + [True] * 2 + [False]


def test_moshi_7b_has_the_published_shapes() -> None:
    # configs/moshi_7b_202409.json, counted by hand: gate width int(4.125 * dim) * 2 // 3, no biases
    dim, text, card, depth = 4096, 32_000, 2048, 1024
    gate, depth_gate = int(4.125 * dim) * 2 // 3, 4224 * 2 // 3
    temporal = 32 * (4 * dim**2 + 3 * gate * dim + 2 * dim) + dim
    tables = 16 * (card + 1) * dim + (text + 1) * dim + text * dim
    layers = 6 * (8 * (4 * depth**2 + 3 * depth_gate * depth) + 2 * depth)
    depth_tables = 8 * dim * depth + (text + 1) * depth + 7 * (card + 1) * depth + 8 * card * depth
    with torch.device("meta"):
        model = DuplexModel(MOSHI_7B)
    assert sum(parameter.numel() for parameter in model.parameters()) == temporal + tables + layers + depth_tables
    shapes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    assert shapes["transformer.layers.31.self_attn.in_proj_weight"] == (3 * 4096, 4096)
    assert shapes["transformer.layers.0.self_attn.out_proj.weight"] == (4096, 4096)
    assert shapes["transformer.layers.0.gating.linear_in.weight"] == (2 * 11_264, 4096)
    assert shapes["transformer.layers.0.norm1.alpha"] == (1, 1, 4096)
    assert shapes["depformer.layers.5.self_attn.in_proj_weight"] == (8 * 3 * 1024, 1024)
    assert shapes["depformer.layers.5.self_attn.out_proj.weight"] == (8 * 1024, 1024)
    assert shapes["depformer.layers.5.gating.7.linear_out.weight"] == (1024, 2816)
    assert shapes["depformer_emb.6.weight"] == (2049, 1024)
    assert shapes["emb.15.weight"] == (2049, 4096)
    assert shapes["text_emb.weight"] == (32_001, 4096)
    assert shapes["linears.7.weight"] == (2048, 1024)


@pytest.mark.parametrize("dep_q", [8, 16])
def test_a_token_changes_exactly_the_logits_that_come_after_it(dep_q: int) -> None:
    """In time by the delays, and within a step by the depth order: text, then codebook after codebook."""
    model, n_frames = wave_model(dep_q=dep_q), 5
    codes = some_codes(n_frames)

    def logits(codes: torch.Tensor) -> list[torch.Tensor]:
        out = model(codes)
        return [out.text_logits[0], *(audio[0] for audio in out.audio_logits)]

    before = logits(codes)
    for row in range(17):
        for frame in range(n_frames):
            changed = codes.clone()
            changed[0, row, frame] = (changed[0, row, frame] + 1) % 20
            for k, (old, new) in enumerate(zip(before, logits(changed), strict=True)):
                for t in range(n_frames - DELAYS[k]):
                    step, changed_step = t + DELAYS[k], frame + DELAYS[row]
                    later = changed_step < step or (changed_step == step and row < k)
                    assert bool((old[t] != new[t]).any()) == later, (row, frame, k, t)


def test_attention_looks_back_no_further_than_its_context() -> None:
    model = wave_model(layers=1, context_frames=3)
    codes = some_codes()
    changed = codes.clone()
    changed[0, 0, 2] += 1
    differs = (model(codes).text_logits != model(changed).text_logits).any(dim=-1)[0]
    assert differs.tolist() == [False, False, False, True, True, True, False, False]


def test_initial_ids_are_fed_before_the_first_frame_of_each_stream() -> None:
    model, seen = wave_model(), []
    for embedding in (model.text_emb, *model.emb):
        embedding.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0][0].tolist()))
    codes = some_codes(3)
    model(codes)
    for row, fed in enumerate(seen):
        first = [20 if row == 0 else 24] * (1 + DELAYS[row])
        assert fed == (first + codes[0, row].tolist())[:3], row


@pytest.mark.parametrize(("token", "same"), [(-1, True), (0, False)])
def test_no_token_is_embedded_as_zero(token: int, same: bool) -> None:
    model, codes = wave_model(), some_codes().clamp(min=1)
    codes[0, :, 3] = token
    before = model(codes).text_logits
    with torch.no_grad():
        for embedding in (model.text_emb, *model.emb):
            embedding.weight[0] += 1.0  # the row that a careless -1 would read
    assert torch.equal(model(codes).text_logits, before) == same


def test_nats_are_cross_entropy_and_missing_tokens_cost_nothing() -> None:
    model, codes = wave_model(), some_codes()
    codes[0, :, 5:] = -1
    output = model(codes)
    nll = stream_nll(output, codes)
    assert nll.mask[0, 0].tolist() == [True] * 5 + [False] * 3
    assert (nll.nats[~nll.mask] == 0).all()
    for k in (0, 1, 8, 15):
        expected = functional.cross_entropy(output.audio_logits[k][0, :5], codes[0, 1 + k, :5], reduction="none")
        torch.testing.assert_close(nll.nats[0, 1 + k, :5], expected)
    smoothed = functional.cross_entropy(output.audio_logits[3][0, :5], codes[0, 4, :5], label_smoothing=0.3)
    mixed = 0.7 * nll.nats[0, 4, :5] + 0.3 * nll.spread[0, 4, :5]
    torch.testing.assert_close(mixed.mean(), smoothed)


def test_smoothing_follows_the_amount_of_data_unless_it_is_given() -> None:
    assert LossWeights().for_data(2_048).smoothing == 0.5
    assert LossWeights().for_data(900_000).smoothing == pytest.approx(0.00227, abs=1e-5)
    assert LossWeights(smoothing=0.1).for_data(2_048).smoothing == 0.1
    model, codes = wave_model(), some_codes()
    with pytest.raises(ValueError, match="call for_data first"):
        training_loss(stream_nll(model(codes), codes), codes, LossWeights())


def test_training_loss_weights_by_hand() -> None:
    nats, mask = torch.ones(1, 17, 2), torch.ones(1, 17, 2, dtype=torch.bool)
    nats[0, 0] = torch.tensor([1.0, 4.0])  # a PAD and a word
    nats[0, 1], nats[0, 9], nats[0, 10] = 3.0, 5.0, 7.0
    mask[0, 16, 1] = False
    nats[0, 16, 1] = 0.0
    codes = torch.zeros(1, 17, 2, dtype=torch.int64)
    codes[0, 0] = torch.tensor([3, 11])
    loss = training_loss(
        StreamNll(nats, nats * 0, mask),
        codes,
        LossWeights(text_padding=0.5, semantic=100.0, user=0.25, smoothing=0.0),
    )
    text = (0.5 * 1 + 1 * 4) / 1.5
    weighted = 2 * 100 * 3 + 14 * 1 + 2 * 25 * 5 + 2 * 0.25 * 7 + 11 * 0.25 * 1
    audio = weighted / (2 * 100 + 14 + 2 * 25 + 13 * 0.25)
    assert loss.item() == pytest.approx(text + audio)


def test_an_untrained_network_holds_every_token_equally_likely() -> None:
    codes = some_codes()
    nll = stream_nll(DuplexModel(DuplexConfig(**TINY)).eval()(codes), codes)
    torch.testing.assert_close(nll.nats[0, 0], torch.full((8,), math.log(20)))
    torch.testing.assert_close(nll.nats[0, 1], torch.full((8,), math.log(24)))


def test_rope_turns_neighbouring_pairs_as_complex_numbers() -> None:
    x = torch.randn(1, 1, 5, 6, generator=torch.Generator().manual_seed(0))
    rates = torch.tensor([10_000.0 ** (-2 * i / 6) for i in range(3)])
    angles = torch.arange(5.0)[:, None] * rates
    turned = torch.view_as_complex(x.view(1, 1, 5, 3, 2)) * torch.polar(torch.ones_like(angles), angles)
    torch.testing.assert_close(rope(x, 10_000.0), torch.view_as_real(turned).flatten(-2))


def test_norm_computes_in_float32() -> None:
    x = torch.tensor([[[3e-5, -4e-5, 1e-5, 2e-5]]], dtype=torch.bfloat16)
    values = x.double()
    expected = values / torch.sqrt(1e-8 + values.square().mean())
    assert torch.equal(RMSNorm(4)(x), expected.bfloat16())


def test_bfloat16_autocast_stays_close() -> None:
    model, codes = wave_model(), some_codes()
    with torch.autocast("cpu", torch.bfloat16):
        low = stream_nll(model(codes), codes).nats
    torch.testing.assert_close(low, stream_nll(model(codes), codes).nats, atol=0.1, rtol=0.05)


def test_impossible_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="dep_q is 5"):
        DuplexConfig(dep_q=5)
    with pytest.raises(ValueError, match="multiple"):
        DuplexConfig(dim=100, heads=16)
