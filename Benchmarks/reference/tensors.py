"""Sums of every tensor of the two reference models, read by the gguf and safetensors packages, for the tests of the readers.

    python tensors.py MODELS OUTPUT

MODELS holds minilm/ and smollm2-q4_1.gguf. For each tensor, by the name that the transformers package gives it: its shape,
the sum of its elements and the sum of its elements times 1, 2, …, 97, 1, 2, …, which depends on their order. Rows of
queries and keys of the GGUF are put in the order of transformers first.
"""
import json
import sys

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize
from safetensors.numpy import load_file

LAYER = {
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
}


def smollm2(path):
    reader = GGUFReader(path)
    width = reader.fields["llama.embedding_length"].contents() // reader.fields["llama.attention.head_count"].contents()
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type).reshape([int(n) for n in reversed(tensor.shape)])
        parts = tensor.name.split(".")
        if parts[0] != "blk":
            yield {"token_embd": "embed_tokens.weight", "output_norm": "norm.weight"}[parts[0]], values
            continue
        if parts[2] in ("attn_q", "attn_k"):
            rows, columns = values.shape
            values = values.reshape(rows // width, width // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)
        yield f"layers.{parts[1]}.{LAYER[parts[2]]}.weight", values


def sums(named):
    table = {}
    for name, values in named:
        flat = values.reshape(-1).astype(np.float64)
        weights = np.arange(flat.size) % 97 + 1
        table[name] = {"shape": list(values.shape), "sum": float(flat.sum()), "ordered": float((flat * weights).sum())}
    return dict(sorted(table.items()))


models, output = sys.argv[1:]
minilm = {k: v for k, v in load_file(f"{models}/minilm/model.safetensors").items() if v.dtype == np.float32}
with open(output, "w") as file:
    tables = {"minilm": sums(minilm.items()), "smollm2": sums(smollm2(f"{models}/smollm2-q4_1.gguf"))}
    rows = [
        f'"{model}":{{\n' + ",\n".join(f"{json.dumps(k)}:{json.dumps(v)}" for k, v in table.items()) + "\n}"
        for model, table in tables.items()
    ]
    file.write("{" + ",\n".join(rows) + "}\n")
