"""Trains the same model on the same batches here and in PyTorch, and compares every step's loss and the weights in the end.

    python trajectory.py compare --tool PATH/tributary-bench --models DIR [--cases NAME,…] [--steps 50] [--work DIR]
    python trajectory.py golden OUTPUT.json      the small case that the tests compare with, from PyTorch alone

Versions: torch 2.13.0, transformers 5.23.0, peft 0.21.2, safetensors, numpy. DIR holds `minilm/` as its package ships it.
A case fails if a loss differs by more than 1e-3 of itself, or the weights in the end by more than 1e-2 of their norm; in
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
from transformers import BertConfig, BertModel

TARGETS = {
    "query": "attention.self.query", "key": "attention.self.key", "value": "attention.self.value",
    "output": "attention.output.dense", "up": "intermediate.dense", "down": "output.dense",
}
LOSS_BOUND, WEIGHT_BOUND = 1e-3, 1e-2
ROUNDED_LOSS_BOUND = 1e-2


def splitmix(state, count):
    """The first outputs of SplitMix64, as numbers in [0, 1) of their upper 24 bits."""
    with np.errstate(over="ignore"):
        z = np.uint64(state) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / 2**24


def uniform(name, count):
    """Numbers in [-1, 1) that only the name decides: SplitMix64 from its FNV-1a hash."""
    state = np.uint64(0xCBF29CE484222325)
    with np.errstate(over="ignore"):
        for byte in name.encode():
            state = (state ^ np.uint64(byte)) * np.uint64(0x100000001B3)
    return 2 * splitmix(state, count) - 1


class Encoder(torch.nn.Module):
    """BERT without its pooler, the mean over each text's tokens, and a dense head."""

    def __init__(self, bert, outputs):
        super().__init__()
        self.bert = bert
        self.head = torch.nn.Linear(bert.config.hidden_size, outputs)

    def forward(self, sequences):
        length = max(len(s) for s in sequences)
        ids = torch.tensor([s + [0] * (length - len(s)) for s in sequences])
        mask = torch.tensor([[1] * len(s) + [0] * (length - len(s)) for s in sequences])
        hidden = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).to(hidden.dtype)
        return self.head((hidden * weights).sum(1) / weights.sum(1))


def our_name(name):
    """The name in our layout of a parameter of `Encoder`, adapted by PEFT or not."""
    name = name.removeprefix("bert.").removeprefix("base_model.model.").replace(".base_layer", "")
    if name.startswith("head."):
        return name
    if name.startswith("embeddings."):
        name = name.removeprefix("embeddings.")
        return "embeddings." + {
            "word_embeddings.weight": "token", "position_embeddings.weight": "position",
            "token_type_embeddings.weight": "tokenType", "LayerNorm.weight": "norm.gain", "LayerNorm.bias": "norm.bias",
        }[name]
    _, _, layer, part = name.split(".", 3)
    for ours, theirs in [("attentionNorm", "attention.output.LayerNorm"), ("outputNorm", "output.LayerNorm")]:
        if part.startswith(theirs):
            return f"layers.{layer}.{ours}." + {"weight": "gain", "bias": "bias"}[part.removeprefix(theirs + ".")]
    for ours, theirs in TARGETS.items():
        for suffix, kind in [("lora_A.default.weight", "A"), ("lora_B.default.weight", "B"), ("weight", "weight"), ("bias", "bias")]:
            if part == f"{theirs}.{suffix}":
                return f"layers.{layer}.{ours}.{kind}"
    raise KeyError(name)


def shape_of(config):
    return dict(
        family="encoder", layers=config.num_hidden_layers, width=config.hidden_size, heads=config.num_attention_heads,
        intermediate=config.intermediate_size, vocabulary=config.vocab_size, positions=config.max_position_embeddings,
        tokenTypes=config.type_vocab_size, activation="gelu", normEpsilon=config.layer_norm_eps)


def build(bert, training):
    """The model to train, its trained parameters by our names, and of full fine-tuning what they are differences from."""
    for module in bert.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    adapters = training.get("adapters")
    model = Encoder(bert, len(training["task"]["labels"]))
    if adapters:
        names = [f"encoder.layer.{l}.{TARGETS[t]}" for l in range(bert.config.num_hidden_layers) for t in adapters["targets"]]
        model.bert = get_peft_model(bert, LoraConfig(
            r=adapters["rank"], lora_alpha=adapters["alpha"], lora_dropout=0.0, target_modules=names,
            use_rslora=adapters["rankStabilised"]), autocast_adapter_dtype=False)
        # A as the plan derives it: one stream over layers and targets in the order of the layout.
        matrices = {our_name(n): p for n, p in model.named_parameters() if "lora_A" in n}
        ordered = [f"layers.{l}.{t}.A" for l in range(bert.config.num_hidden_layers) for t in TARGETS if t in adapters["targets"]]
        drawn = 2 * splitmix(training["seed"], sum(p.numel() for p in matrices.values())) - 1
        for name in ordered:
            p = matrices[name]
            part, drawn = drawn[: p.numel()], drawn[p.numel():]
            p.data.copy_(torch.from_numpy((part / np.sqrt(p.shape[1])).astype(np.float32).reshape(p.shape)))
            p.requires_grad = adapters["trainA"]
    trained = {our_name(n): p for n, p in model.named_parameters() if p.requires_grad and "pooler" not in n}
    base = {n: p.detach().clone() for n, p in trained.items()} if training["method"] == "full" else {}
    with torch.no_grad():
        for name, p in trained.items():
            # B and the head are zero in a new run; here they are not, since a zero B hides errors in A's gradient.
            if name.endswith(".B") or name == "head.weight":
                p.copy_(torch.from_numpy(0.05 * uniform(name, p.numel()).reshape(tuple(p.shape))))
            if name == "head.bias":
                p.zero_()
    if base:
        base["head.weight"], base["head.bias"] = (torch.zeros_like(base[n]) for n in ("head.weight", "head.bias"))
    return model, trained, base


def vector(trained, base):
    return {n: (p.detach() - base[n] if base else p.detach()).float().clone().contiguous() for n, p in trained.items()}


def train(model, trained, case):
    recipe, losses = case["recipe"], []
    matrices, others = ([p for p in trained.values() if (p.dim() > 1) == big] for big in (True, False))
    optimizer = torch.optim.AdamW(
        [dict(params=matrices, weight_decay=recipe["weightDecay"]), dict(params=others, weight_decay=0.0)],
        lr=recipe["learningRate"], eps=1e-8)
    size = recipe["batchSize"]
    for step in range(len(case["sequences"]) // size):
        rows = slice(step * size, (step + 1) * size)
        for group in optimizer.param_groups:
            group["lr"] = recipe["learningRate"] * min(1, (step + 1) / recipe.get("warmupSteps", 1))
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(case["sequences"][rows]), torch.tensor(case["labels"][rows]))
        loss.backward()
        if "clipGradientNorm" in recipe:
            torch.nn.utils.clip_grad_norm_(list(trained.values()), recipe["clipGradientNorm"])
        optimizer.step()
        losses.append(loss.item())
    return losses


def texts(name, count, vocabulary, longest):
    """Ragged sequences, one of a single token among them, and labels that a few of their tokens decide."""
    lengths = (1 + splitmix(len(name), count) * longest).astype(int)
    lengths[1] = 1
    ids = (uniform(name, lengths.sum()) * 0.5 + 0.5) * (vocabulary - 10) + 5
    sequences = [part.astype(int).tolist() for part in np.split(ids, np.cumsum(lengths)[:-1])]
    return sequences, [int(sum(s[:3])) % 3 for s in sequences]


def round_products(model):
    """The matrices of dense layers, which bf16 keeps with 8 significant bits; a head tied to the embedding included."""
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            module.weight.data = module.weight.data.bfloat16().float()


def verdict(precision, loss_error, weight_error):
    """Whether that is agreement, in words and as a fact."""
    good = loss_error <= ROUNDED_LOSS_BOUND if precision == "bf16" else loss_error <= LOSS_BOUND and weight_error <= WEIGHT_BOUND
    return "agrees" if good else "DIFFERS", good


def training_of(config, method, seed=7, precision="fp32", **adapters):
    training = dict(
        shape=shape_of(config), method=method, task=dict(type="classification", labels=["a", "b", "c"]), precision=precision,
        maximumTokens=config.max_position_embeddings, seed=seed)
    if method == "adapters":
        training["adapters"] = dict(dropout=0, trainA=False, rankStabilised=False) | adapters
    return training


QV = dict(rank=8, alpha=16, targets=["query", "value"])
ALL = dict(rank=8, alpha=16, targets=["query", "key", "value", "output", "up", "down"])
MINILM_CASES = {
    "minilm-lora": ("adapters", 1e-3, QV),
    "minilm-lora-bf16": ("adapters", 1e-3, QV | dict(precision="bf16")),
    "minilm-lora-both": ("adapters", 1e-3, QV | dict(trainA=True)),
    "minilm-lora-all": ("adapters", 1e-3, ALL | dict(trainA=True, rankStabilised=True)),
    "minilm-full": ("full", 5e-5, {}),
}


def compare(options):
    failed = False
    for name in options.cases.split(",") if options.cases else MINILM_CASES:
        method, rate, adapters = MINILM_CASES[name]
        folder = os.path.join(options.work, name)
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(options.models, "minilm")
        bert = BertModel.from_pretrained(path, add_pooling_layer=False, attn_implementation="eager")
        training = training_of(bert.config, method, **adapters)
        sequences, labels = texts(name, 8 * options.steps, bert.config.vocab_size, 60)
        case = dict(
            model=path, training=training, sequences=sequences, labels=labels,
            recipe=dict(
                optimizer="adamw", learningRate=rate, weightDecay=0.01, batchSize=8, epochs=1, clipGradientNorm=1.0,
                warmupSteps=5))
        if training["precision"] == "bf16":
            round_products(bert)
        model, trained, base = build(bert, training)
        save_file(vector(trained, base), os.path.join(folder, "initial.safetensors"))
        json.dump(case, open(os.path.join(folder, "case.json"), "w"))
        ours_process = subprocess.run([options.tool, "trajectory", "--case", folder])
        if ours_process.returncode:
            sys.exit(f"{name}: the tool failed")
        theirs = train(model, trained, case)
        ours = json.load(open(os.path.join(folder, "ours.json")))
        loss_error = max(abs(a - b) / abs(b) for a, b in zip(ours, theirs)) if len(ours) == len(theirs) else np.inf
        final, weights = load_file(os.path.join(folder, "ours.safetensors")), vector(trained, base)
        difference = sum(((final[n] - w).double() ** 2).sum() for n, w in weights.items()) ** 0.5
        norm = sum((w.double() ** 2).sum() for w in weights.values()) ** 0.5
        whole = sum((p.detach().double() ** 2).sum() for p in trained.values()) ** 0.5
        words, good = verdict(training["precision"], loss_error, difference / whole)
        failed |= not good
        note = "" if not base else f" ({difference / norm:.1e} of the difference from the base)"
        print(
            f"{name}: {len(ours)} steps, loss {theirs[0]:.4f} to {theirs[-1]:.4f}, largest relative difference of a loss "
            f"{loss_error:.1e}, of the weights {difference / whole:.1e}{note}: {words}", flush=True)
    return failed


def golden(output):
    """10 steps of a tiny BERT in float64, whose weights both sides draw by the same formula."""
    torch.set_default_dtype(torch.float64)
    config = BertConfig(
        num_hidden_layers=2, hidden_size=24, num_attention_heads=3, intermediate_size=40, vocab_size=60,
        max_position_embeddings=20, type_vocab_size=2, attn_implementation="eager")
    cases = []
    for method, rate, adapters in [
        ("adapters", 1e-2, dict(rank=3, alpha=6, targets=["query", "value"])),
        ("adapters", 1e-2, dict(rank=2, alpha=6, targets=["down", "output", "key", "up"], trainA=True, rankStabilised=True)),
        ("full", 1e-3, {}),
        ("head", 1e-2, {}),
    ]:
        bert = BertModel(config, add_pooling_layer=False)
        with torch.no_grad():
            for name, p in bert.named_parameters():
                name = our_name(name)
                x = uniform(name, p.numel()).reshape(tuple(p.shape))
                scale, shift = (0.3, 1) if name.endswith(".gain") else (0.3, 0) if p.dim() == 1 else (
                    (1, 0) if name.startswith("embeddings") else (1.5 / np.sqrt(p.shape[1]), 0))
                p.copy_(torch.from_numpy((scale * x + shift).astype(np.float32).astype(np.float64)))
        if method == "head":
            bert.requires_grad_(False)
        training = training_of(config, method, **adapters)
        sequences, labels = texts("golden", 40, config.vocab_size, 20)
        case = dict(
            training=training, sequences=sequences, labels=labels,
            recipe=dict(
                optimizer="adamw", learningRate=rate, weightDecay=0.05, batchSize=4, epochs=1, clipGradientNorm=0.5,
                warmupSteps=3))
        model, trained, base = build(bert, training)
        for name in trained:
            trained[name].data.copy_(trained[name].data.float())
        case["initial"] = {n: w.flatten().tolist() for n, w in vector(trained, base).items() if w.abs().max() > 0}
        case["losses"] = train(model, trained, case)
        # Every eleventh value of each tensor, and its norm, say enough.
        case["final"] = {
            n: dict(norm=float(w.double().norm()), values=[float(f"{x:.7g}") for x in w.flatten()[::11].tolist()])
            for n, w in vector(trained, base).items()}
        cases.append(case)
    with open(output, "w") as file:
        json.dump(dict(source="Benchmarks/reference/trajectory.py golden", torch=torch.__version__, cases=cases), file, indent=None, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    comparing = commands.add_parser("compare")
    comparing.add_argument("--tool", required=True)
    comparing.add_argument("--models", required=True)
    comparing.add_argument("--cases")
    comparing.add_argument("--steps", type=int, default=50)
    comparing.add_argument("--work", default=".build/trajectory")
    commands.add_parser("golden").add_argument("output")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    if options.command == "golden":
        golden(options.output)
    else:
        sys.exit(compare(options))
