"""Writes Tests/ModelsTests/Decoder/decoders.json: what Hugging Face transformers and PEFT compute for tiny decoders.

Usage: python decoder_golden.py OUTPUT.json
Versions: torch 2.13.0, transformers 5.23.0, peft 0.21.2, numpy 2.4.6.

No weight is stored: both sides draw them by the same formula. Element i of the tensor called NAME is output i of SplitMix64
started from the FNV-1a hash of NAME; the upper 24 bits are a number u in [0, 1), and x = 2u - 1. A matrix [outputs, inputs]
is 1.5 x / sqrt(inputs), the token embedding x, a bias 0.3 x, a norm's gain 1 + 0.3 x. The adapters' matrices A are x / sqrt(inputs)
too, but drawn one after the other from one generator, whose state is the plan's seed.
Everything runs in float64, so that the file holds the formula's values and not one library's rounding.
"""
import json
import sys

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)

SEED = 5  # of the plan


def hashed(name):
    state = np.uint64(0xCBF29CE484222325)
    with np.errstate(over="ignore"):
        for byte in name.encode():
            state = (state ^ np.uint64(byte)) * np.uint64(0x100000001B3)
    return state


def uniform(state, count, first=0):
    with np.errstate(over="ignore"):
        z = state + np.arange(first + 1, first + count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return 2 * (z >> np.uint64(40)).astype(np.float64) / 2**24 - 1


def fill(name, tensor):
    x = uniform(hashed(name), tensor.numel())
    if "embed_tokens" in name:
        pass
    elif "norm" in name:
        x = 1 + 0.3 * x
    elif name.endswith(".bias"):
        x = 0.3 * x
    else:
        x = 1.5 * x / np.sqrt(tensor.shape[1])
    store(x, tensor)


def store(x, tensor):
    # The weights are float32 numbers, as in a file.
    values = torch.from_numpy(x.astype(np.float32).astype(np.float64)).reshape(tensor.shape)
    tensor.data.copy_(values)


def make(kind, **config):
    make_config, make_model = (LlamaConfig, LlamaForCausalLM) if kind == "llama" else (Qwen2Config, Qwen2ForCausalLM)
    base = config.pop("rope_theta")
    model = make_model(make_config(rope_parameters={"rope_type": "default", "rope_theta": base}, attn_implementation="eager", **config)).double()
    for name, parameter in model.named_parameters():
        fill(name, parameter)
    return model.eval()


CASES = {
    "llama, grouped queries, own head": dict(
        kind="llama", hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=6, vocab_size=53, max_position_embeddings=64, rms_norm_eps=1e-5,
        rope_theta=10000.0, tie_word_embeddings=False),
    "llama, heads wider than the model, tied": dict(
        kind="llama", hidden_size=18, intermediate_size=28, num_hidden_layers=1, num_attention_heads=3,
        num_key_value_heads=3, head_dim=8, vocab_size=37, max_position_embeddings=64, rms_norm_eps=1e-6,
        rope_theta=500000.0, tie_word_embeddings=True),
    "qwen2, biases, one key head, tied": dict(
        kind="qwen2", hidden_size=32, intermediate_size=36, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=1, vocab_size=41, max_position_embeddings=64, rms_norm_eps=1e-6, rope_theta=1000000.0,
        tie_word_embeddings=True),
}


def logits():
    cases = []
    for name, config in CASES.items():
        model = make(**dict(config))
        tokens = [(7 * i * i + 3 * i + 1) % config["vocab_size"] for i in range(9)]
        with torch.no_grad():
            out = model(torch.tensor([tokens])).logits[0]
        cases.append(dict(name=name, config=config, tokens=tokens, logits=[[round(x, 7) for x in row] for row in out.tolist()]))
    return cases


def trajectory(train_a):
    """Ten AdamW steps on ragged prompt/answer sequences, the loss being the mean over all answer tokens of the batch."""
    config = CASES["qwen2, biases, one key head, tied"]
    model = make(**dict(config))
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    model = get_peft_model(model, LoraConfig(r=3, lora_alpha=6, target_modules=targets, lora_dropout=0.0, task_type="CAUSAL_LM"))
    trained = []
    drawn = 0
    for name, parameter in model.named_parameters():
        if "lora_A" in name:
            store(uniform(np.uint64(SEED), parameter.numel(), drawn) / np.sqrt(parameter.shape[1]), parameter)
            drawn += parameter.numel()
            parameter.requires_grad = train_a
        if "lora_B" in name:
            parameter.data.zero_()
        if parameter.requires_grad:
            trained.append((name, parameter))
    model = model.double()
    optimizer = torch.optim.AdamW([p for _, p in trained], lr=0.02, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    vocabulary = config["vocab_size"]
    sequences = []  # the batch of step s is sequences 3s, 3s + 1 and 3s + 2
    for s in range(30):
        length, prompt = 4 + (5 * s) % 9, 1 + s % 3
        tokens = [(11 * s + 5 * i * i + 2 * i) % vocabulary for i in range(length)]
        sequences.append(dict(tokens=tokens, prompt=prompt))
    losses = []
    for step in range(10):
        total, count = 0.0, 0
        for row in sequences[3 * step : 3 * step + 3]:
            out = model(torch.tensor([row["tokens"]])).logits[0]
            first = row["prompt"]
            labels = torch.tensor(row["tokens"][first:])
            total = total + torch.nn.functional.cross_entropy(out[first - 1 : -1], labels, reduction="sum")
            count += len(labels)
        loss = total / count
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    final = {name: [round(x, 8) for x in p.detach().flatten().tolist()] for name, p in trained}
    return dict(config=config, rank=3, alpha=6, trainA=train_a, seed=SEED, learningRate=0.02, weightDecay=0.01, sequences=sequences, losses=losses, final=final)


with open(sys.argv[1], "w") as file:
    json.dump(dict(logits=logits(), trajectories=[trajectory(False), trajectory(True)]), file, separators=(",", ":"))
