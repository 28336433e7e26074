"""The other layouts of SmolLM2-135M-Instruct that benchmarks and tests compare, from the one file that its package ships.

    smollm2_layouts.py smollm2-q4_1.gguf DIRECTORY

writes into DIRECTORY:

    smollm2/            a Hugging Face directory: config.json, model.safetensors (f32), tokenizer.json, tokenizer_config.json
    smollm2-f32.gguf    every matrix f32
    smollm2-q8_0.gguf   every matrix rounded to Q8_0, which is what llama.cpp generates with

All three hold the values of the Q4_1 file: they are for speed and for agreement, not a better model. Each is written
beside its name and then renamed, so that a broken-off run leaves nothing that looks whole.
"""

import json
import os
import shutil
import sys

import gguf
import numpy as np
from safetensors.numpy import save_file

# GGUF's name of a layer's tensor, and Hugging Face's.
LAYER_TENSORS = {
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}


def hugging_face_name(name):
    if name == "token_embd.weight":
        return "model.embed_tokens.weight"
    if name == "output_norm.weight":
        return "model.norm.weight"
    _, layer, tensor, _ = name.split(".")
    return f"model.layers.{layer}.{LAYER_TENSORS[tensor]}.weight"


def halves(rows, heads):
    """Rows of a query or key projection from GGUF's order, where rotary turns neighbours (2i, 2i+1), to that of
    Hugging Face, where it turns halves (i, i + width/2)."""
    width = rows.shape[0] // heads
    return rows.reshape(heads, width // 2, 2, -1).swapaxes(1, 2).reshape(rows.shape)


def value(reader, key):
    return reader.fields[key].contents()


def tensors(reader):
    for tensor in reader.tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        yield tensor.name, values.reshape([int(n) for n in reversed(tensor.shape)])


def config(reader):
    heads = value(reader, "llama.attention.head_count")
    width = value(reader, "llama.embedding_length")
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "hidden_size": width, "intermediate_size": value(reader, "llama.feed_forward_length"),
        "num_hidden_layers": value(reader, "llama.block_count"), "num_attention_heads": heads,
        "num_key_value_heads": value(reader, "llama.attention.head_count_kv"), "head_dim": width // heads,
        "max_position_embeddings": value(reader, "llama.context_length"),
        "rms_norm_eps": float(f'{value(reader, "llama.attention.layer_norm_rms_epsilon"):.6g}'),
        "rope_theta": float(value(reader, "llama.rope.freq_base")),
        "vocab_size": len(value(reader, "tokenizer.ggml.tokens")), "tie_word_embeddings": True,
        "attention_bias": False, "mlp_bias": False, "attention_dropout": 0.0, "initializer_range": 0.02,
        "bos_token_id": value(reader, "tokenizer.ggml.bos_token_id"),
        "eos_token_id": value(reader, "tokenizer.ggml.eos_token_id"),
        "pad_token_id": value(reader, "tokenizer.ggml.padding_token_id"),
        "torch_dtype": "float32", "use_cache": True,
    }


def tokenizer(reader):
    """The `smollm` pre-tokenizer: every digit by itself, then the pattern of GPT-2, then byte-level BPE."""
    tokens = value(reader, "tokenizer.ggml.tokens")
    kinds = value(reader, "tokenizer.ggml.token_type")
    control, user_defined = 3, 4
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [
            {"id": i, "content": token, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
             "special": True}
            for i, (token, kind) in enumerate(zip(tokens, kinds)) if kind in (control, user_defined)
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level]},
        "post_processor": None, "decoder": byte_level | {"add_prefix_space": True},
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(tokens)},
            "merges": [merge.split(" ") for merge in value(reader, "tokenizer.ggml.merges")],
        },
    }


def tokenizer_config(reader):
    tokens = value(reader, "tokenizer.ggml.tokens")
    special = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}
    return {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": value(reader, "llama.context_length"),
        "clean_up_tokenization_spaces": False, "chat_template": value(reader, "tokenizer.chat_template"),
    } | {f"{name}_token": tokens[value(reader, f"tokenizer.ggml.{key}_token_id")] for name, key in special.items()}


def write_directory(reader, path):
    partial = path + ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    os.makedirs(partial)
    heads = {"attn_q": value(reader, "llama.attention.head_count"), "attn_k": value(reader, "llama.attention.head_count_kv")}
    weights = {}
    for name, values in tensors(reader):
        kind = name.split(".")[-2]
        values = halves(values, heads[kind]) if kind in heads else values
        weights[hugging_face_name(name)] = np.ascontiguousarray(values)
    save_file(weights, os.path.join(partial, "model.safetensors"), metadata={"format": "pt"})
    for name, content in (
        ("config", config(reader)), ("tokenizer", tokenizer(reader)), ("tokenizer_config", tokenizer_config(reader)),
    ):
        with open(os.path.join(partial, name + ".json"), "w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False, indent=1)
    shutil.rmtree(path, ignore_errors=True)
    os.rename(partial, path)


def write_gguf(reader, path, kind, file_type):
    """The same keys and tensors, with every matrix in `kind`; vectors stay f32."""
    partial = path + ".partial"
    writer = gguf.GGUFWriter(partial, value(reader, "general.architecture"))
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in (
            "general.architecture", "general.file_type", "general.quantization_version"
        ):
            continue
        inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), field.types[0], inner)
    writer.add_file_type(file_type)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    for name, values in tensors(reader):
        if values.ndim == 1 or kind == gguf.GGMLQuantizationType.F32:
            writer.add_tensor(name, np.ascontiguousarray(values))
        else:
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.rename(partial, path)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, directory = sys.argv[1:]
    reader = gguf.GGUFReader(source)
    write_directory(reader, os.path.join(directory, "smollm2"))
    kinds, files = gguf.GGMLQuantizationType, gguf.LlamaFileType
    write_gguf(reader, os.path.join(directory, "smollm2-f32.gguf"), kinds.F32, files.ALL_F32)
    write_gguf(reader, os.path.join(directory, "smollm2-q8_0.gguf"), kinds.Q8_0, files.MOSTLY_Q8_0)


if __name__ == "__main__":
    main()
