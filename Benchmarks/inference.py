"""Embeddings against PyTorch, and generation against llama.cpp on the same Q8_0 weights."""

import sys

import comparison as c
from comparison import HERE, Side

MODES = ("fp32", "bf16", "autocast")
FP32_GOAL, BEST_GOAL, GENERATION_GOAL = 1.5, 1.2, 0.9


def embedding_rows(arguments, batch, length, threads, measurements):
    name = c.with_threads(f"MiniLM embeddings {batch}×{length}", threads)
    c.progress(name)
    model = arguments.models / "minilm"
    modes = MODES if c.has_bfloat16() else MODES[:1]
    precisions = ("fp32", "bf16") if c.has_bfloat16() else ("fp32",)
    sides = [
        Side(f"ours {precision}", [
            arguments.tool, "embeddings", "--model", model, "--batch", batch, "--length", length, "--precision",
            precision])
        for precision in precisions
    ]
    sides += [
        Side(f"PyTorch {mode}", [
            sys.executable, HERE / "peers/encoder_torch.py", "embeddings", model, batch, length, mode])
        for mode in modes
    ]
    times = c.alternate(sides, threads, c.effort(arguments))
    for side, found in times.items():
        measurements.append(c.measurement(name, threads, side, found, batch * length))

    def rate(side):
        return batch / times[side].fastest * 1000 if side in times else None

    rows = [c.rate_row(f"{name}, fp32 : fp32", rate("ours fp32"), rate("PyTorch fp32"), "texts/s", FP32_GOAL)]
    if "ours bf16" not in times:
        return rows + [c.rate_row(f"{name}, bf16 : best mode", None, None, "texts/s", BEST_GOAL)]
    best = min(modes, key=lambda mode: times[f"PyTorch {mode}"].fastest)
    return rows + [c.rate_row(
        f"{name}, bf16 : best mode ({best})", rate("ours bf16"), rate(f"PyTorch {best}"), "texts/s", BEST_GOAL)]


def generation_rows(arguments, threads, measurements):
    name = c.with_threads("SmolLM2 generation, batch 1, Q8_0", threads)
    c.progress(name)
    model = arguments.models / "smollm2-q8_0.gguf"
    times = c.alternate([
        Side("ours", [arguments.tool, "generation", "--model", model, "--tokens", 64]),
        Side("llama.cpp", [sys.executable, HERE / "peers/generation_llamacpp.py", model]),
    ], threads, c.effort(arguments))
    for side, found in times.items():
        measurements.append(c.measurement(name, threads, side, found, 1))
    rate = {side: 1000 / found.fastest for side, found in times.items()}
    return [c.rate_row(f"{name} : llama.cpp", rate["ours"], rate["llama.cpp"], "tokens/s", GENERATION_GOAL)]


def main():
    arguments = c.parser(__doc__).parse_args()
    rows, measurements = [], []
    for threads in c.thread_counts(arguments):
        for batch, length in ((32, 32), (16, 128)):
            if arguments.only in f"MiniLM embeddings {batch}×{length}":
                rows += embedding_rows(arguments, batch, length, threads, measurements)
        if arguments.only in "SmolLM2 generation, batch 1, Q8_0":
            rows += generation_rows(arguments, threads, measurements)
    c.finish(arguments, rows, measurements, c.versions("torch", "transformers", "xllamacpp"))


if __name__ == "__main__":
    main()
