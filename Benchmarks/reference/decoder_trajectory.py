"""Trains SmolLM2's adapters on the same batches here and in PyTorch with PEFT, and compares every step's loss and the adapters in the end.

    python decoder_trajectory.py --tool PATH/tributary-bench --models DIR [--cases NAME,…] [--steps 50] [--work DIR]

Versions: torch 2.13.0, transformers 5.23.0, peft 0.21.2, safetensors, numpy. DIR holds `smollm2/`, a Hugging Face directory in fp32.
A case fails if a loss differs by more than 1e-3 of itself, or the adapters in the end by more than 1e-2 of their norm; in
bf16, where PyTorch gets the same rounded matrices and computes in fp32, if a loss differs by more than 1e-2.
"""
import argparse
import json
import os
import subprocess
import sys

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from trajectory import round_products, splitmix, uniform, verdict

MODULES = {
    "query": "q_proj", "key": "k_proj", "value": "v_proj", "output": "o_proj", "gate": "gate_proj", "up": "up_proj",
    "down": "down_proj",
}
CASES = {
    "smollm2-lora": dict(targets=["query", "value"], trainA=False),
    "smollm2-lora-bf16": dict(targets=["query", "value"], trainA=False, precision="bf16"),
    "smollm2-lora-all": dict(targets=list(MODULES), trainA=True),
}
ROWS = 2


def our_name(name):
    parts = name.split(".")
    target = next(t for t, module in MODULES.items() if module in parts)
    return f"layers.{parts[parts.index('layers') + 1]}.{target}.{'A' if 'lora_A' in parts else 'B'}"


def shape_of(config):
    return dict(
        family="decoder", layers=config.num_hidden_layers, width=config.hidden_size, heads=config.num_attention_heads,
        keyValueHeads=config.num_key_value_heads, headWidth=config.hidden_size // config.num_attention_heads,
        intermediate=config.intermediate_size, vocabulary=config.vocab_size, positions=config.max_position_embeddings,
        ropeBase=config.rope_parameters["rope_theta"], normEpsilon=config.rms_norm_eps, attentionBias=False,
        tiedHead=config.tie_word_embeddings)


def build(model, adapters, seed):
    model = get_peft_model(model, LoraConfig(
        r=adapters["rank"], lora_alpha=adapters["alpha"], lora_dropout=0.0, task_type="CAUSAL_LM",
        target_modules=[MODULES[t] for t in adapters["targets"]]), autocast_adapter_dtype=False)
    named = {our_name(n): p for n, p in model.named_parameters() if "lora_" in n}
    layers = 1 + max(int(n.split(".")[1]) for n in named)
    # A as the plan derives it: one stream over layers and targets in the order of the layout.
    drawn = 2 * splitmix(seed, sum(p.numel() for n, p in named.items() if n.endswith(".A"))) - 1
    with torch.no_grad():
        for layer in range(layers):
            for target in (t for t in MODULES if t in adapters["targets"]):
                p = named[f"layers.{layer}.{target}.A"]
                part, drawn = drawn[: p.numel()], drawn[p.numel():]
                p.copy_(torch.from_numpy((part / np.sqrt(p.shape[1])).astype(np.float32).reshape(p.shape)))
                p.requires_grad = adapters["trainA"]
                # B is zero in a new run; here it is not, since a zero B hides errors in A's gradient.
                b = named[f"layers.{layer}.{target}.B"]
                b.copy_(torch.from_numpy(0.02 * uniform(f"layers.{layer}.{target}.B", b.numel()).reshape(tuple(b.shape))))
    return model, {n: p for n, p in named.items() if p.requires_grad}


def texts(steps, vocabulary):
    """Ragged sequences whose answers begin after one to four tokens."""
    count = steps * ROWS
    lengths = (6 + splitmix(11, count) * 15).astype(int)
    starts = (1 + splitmix(12, count) * 4).astype(int)
    ids = (uniform("decoder texts", lengths.sum()) * 0.5 + 0.5) * (vocabulary - 10) + 5
    return [part.astype(int).tolist() for part in np.split(ids, np.cumsum(lengths)[:-1])], starts.tolist()


def train(model, trained, case):
    recipe, losses = case["recipe"], []
    optimizer = torch.optim.AdamW(trained.values(), lr=recipe["learningRate"], weight_decay=recipe["weightDecay"])
    for step in range(len(case["sequences"]) // ROWS):
        total, count = 0.0, 0
        for row in range(step * ROWS, (step + 1) * ROWS):
            tokens, first = torch.tensor([case["sequences"][row]]), case["answerStarts"][row]
            logits = model(tokens).logits[0]
            total = total + torch.nn.functional.cross_entropy(logits[first - 1 : -1], tokens[0, first:], reduction="sum")
            count += tokens.shape[1] - first
        optimizer.zero_grad()
        (total / count).backward()
        optimizer.step()
        losses.append((total / count).item())
    return losses


def compare(name, options):
    folder = os.path.join(options.work, name)
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(options.models, "smollm2")
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation="eager")
    adapters = dict(rank=8, alpha=16, dropout=0, rankStabilised=False) | CASES[name]
    precision = adapters.pop("precision", "fp32")
    training = dict(
        shape=shape_of(model.config), method="adapters", adapters=adapters, task=dict(type="generation"),
        precision=precision, maximumTokens=64, seed=7)
    sequences, starts = texts(options.steps, model.config.vocab_size)
    case = dict(
        model=path, training=training, sequences=sequences, answerStarts=starts,
        recipe=dict(optimizer="adamw", learningRate=1e-3, weightDecay=0.01, batchSize=ROWS, epochs=1))
    if precision == "bf16":
        round_products(model)
        model.tie_weights()
    model, trained = build(model, adapters, training["seed"])
    save_file({n: p.detach().clone().contiguous() for n, p in trained.items()}, os.path.join(folder, "initial.safetensors"))
    with open(os.path.join(folder, "case.json"), "w") as file:
        json.dump(case, file)
    if subprocess.run([options.tool, "trajectory", "--case", folder]).returncode:
        sys.exit(f"{name}: the tool failed")
    theirs = train(model, trained, case)
    with open(os.path.join(folder, "ours.json")) as file:
        ours = json.load(file)
    loss_error = max(abs(a - b) / abs(b) for a, b in zip(ours, theirs)) if len(ours) == len(theirs) else np.inf
    final = load_file(os.path.join(folder, "ours.safetensors"))
    difference = sum(((final[n] - p.detach()).double() ** 2).sum() for n, p in trained.items()) ** 0.5
    whole = sum((p.detach().double() ** 2).sum() for p in trained.values()) ** 0.5
    words, good = verdict(precision, loss_error, difference / whole)
    print(
        f"{name}: {len(ours)} steps, loss {theirs[0]:.4f} to {theirs[-1]:.4f}, largest relative difference of a loss "
        f"{loss_error:.1e}, of the adapters {difference / whole:.1e}: {words}", flush=True)
    return good


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", required=True)
    parser.add_argument("--models", required=True)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--work", default=".build/trajectory")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    results = [compare(name, options) for name in options.cases.split(",")]
    sys.exit(0 if all(results) else 1)
