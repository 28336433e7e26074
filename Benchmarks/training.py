"""Steps of training against PyTorch with PEFT, and of a table's network against PyTorch and numpy."""

import sys

import comparison as c
from comparison import HERE, Side

MODES = ("fp32", "bf16", "autocast")
# Ours to the peer's fp32 with fp32, and to the best of its modes with bf16; peak memory.
FP32_GOAL, BEST_GOAL, MEMORY_GOAL = 1.5, 1.4, 0.6
PYTORCH_TABLE_GOAL, NUMPY_TABLE_GOAL = 10, 1.5



def operations(matrices, layers, width, batch, length, trains_all, causal):
    """Floating-point operations of a step: the products with the model's matrices, whose weights number `matrices`, and
    attention. Forward once; backward once more for the inputs, and once more for weights that are trained. Of causal
    attention, half is never computed. What grows with the width alone is left out, and so are adapters.
    """
    products = 2 * matrices * batch * length * (3 if trains_all else 2)
    attention = 4 * layers * width * batch * length**2 * 3 // (2 if causal else 1)
    return products + attention


MINILM_MATRICES = 6 * (4 * 384 * 384 + 2 * 384 * 1536)
SMOLLM2_MATRICES = 30 * (2 * 576 * 576 + 2 * 576 * 192 + 3 * 576 * 1536) + 49152 * 576


def encoder_works():
    for method in ("lora", "full"):
        for batch, length in ((16, 128), (32, 32)):
            yield {
                "name": f"MiniLM {'LoRA' if method == 'lora' else 'full'} step {batch}×{length}",
                "tokens": batch * length,
                "operations": operations(MINILM_MATRICES, 6, 384, batch, length, method == "full", causal=False),
                "ours": lambda arguments, precision, method=method, batch=batch, length=length: [
                    "encoder-training", "--model", arguments.models / "minilm", "--method", method, "--batch", batch,
                    "--length", length, "--precision", precision],
                "peer": lambda arguments, mode, method=method, batch=batch, length=length: [
                    "encoder_torch.py", method, arguments.models / "minilm", batch, length, mode],
            }


def decoder_works():
    for title, targets, modules in (
        ("q,v", "query,value", "q_proj,v_proj"),
        ("all-linear", "query,key,value,output,gate,up,down", "all-linear"),
    ):
        for batch, length in ((1, 256), (4, 256)):
            yield {
                "name": f"SmolLM2 LoRA {title} step {batch}×{length}",
                "tokens": batch * length,
                "operations": operations(SMOLLM2_MATRICES, 30, 576, batch, length, False, causal=True),
                "ours": lambda arguments, precision, targets=targets, batch=batch, length=length: [
                    "decoder-training", "--model", arguments.models / "smollm2", "--targets", targets, "--batch", batch,
                    "--length", length, "--precision", precision],
                "peer": lambda arguments, mode, modules=modules, batch=batch, length=length: [
                    "decoder_torch.py", modules, arguments.models / "smollm2", batch, length, mode],
            }


def language_rows(arguments, work, threads, measurements):
    """Rates in fp32 and against the best mode, and the memory of both."""
    name = c.with_threads(work["name"], threads)
    c.progress(name)
    modes = MODES if c.has_bfloat16() else MODES[:1]
    precisions = ("fp32", "bf16") if c.has_bfloat16() else ("fp32",)
    sides = [Side(f"ours {p}", [arguments.tool, *work["ours"](arguments, p)]) for p in precisions]
    sides += [
        Side(f"PyTorch {mode}", [sys.executable, HERE / "peers" / script, *rest])
        for mode in modes for script, *rest in [work["peer"](arguments, mode)]
    ]
    times = c.alternate(sides, threads, c.effort(arguments))
    for side, found in times.items():
        measurements.append(c.measurement(name, threads, side, found, work["tokens"], work["operations"]))

    def rate(side):
        return work["tokens"] / times[side].fastest * 1000 if side in times else None

    rows = [
        c.rate_row(f"{name}, fp32 : fp32", rate("ours fp32"), rate("PyTorch fp32"), "tokens/s", FP32_GOAL),
        c.memory_row(f"{name}, fp32 : fp32, peak memory", times["ours fp32"], times["PyTorch fp32"], MEMORY_GOAL),
    ]
    if "ours bf16" not in times:
        rows.append(c.rate_row(f"{name}, bf16 : best mode", None, None, "tokens/s", BEST_GOAL))
        return rows
    best = min(modes, key=lambda mode: times[f"PyTorch {mode}"].fastest)
    label = f"{name}, bf16 : best mode ({best})"
    rows.append(c.rate_row(label, rate("ours bf16"), rate(f"PyTorch {best}"), "tokens/s", BEST_GOAL))
    rows.append(c.memory_row(f"{label}, peak memory", times["ours bf16"], times[f"PyTorch {best}"], MEMORY_GOAL))
    return rows


def table_rows(arguments, widths, measurements):
    """One thread: these steps are too short for two."""
    batch, threads = 32, 1
    name = c.with_threads(f"table step {'-'.join(map(str, widths))}, batch {batch}", threads)
    c.progress(name)
    words = [",".join(map(str, widths)), batch]
    times = c.alternate([
        Side("ours", [arguments.tool, "table", "--widths", words[0], "--batch", batch]),
        Side("PyTorch", [sys.executable, HERE / "peers/table_torch.py", *words]),
        Side("numpy", [sys.executable, HERE / "peers/table_numpy.py", *words]),
    ], threads, c.effort(arguments))
    for side, found in times.items():
        measurements.append(c.measurement(name, threads, side, found))
    rate = {side: 1000 / found.fastest for side, found in times.items()}
    return [
        c.rate_row(f"{name} : PyTorch", rate["ours"], rate["PyTorch"], "steps/s", PYTORCH_TABLE_GOAL),
        c.rate_row(f"{name} : numpy", rate["ours"], rate["numpy"], "steps/s", NUMPY_TABLE_GOAL),
        c.memory_row(f"{name} : PyTorch, peak memory", times["ours"], times["PyTorch"], MEMORY_GOAL),
    ]


def main():
    arguments = c.parser(__doc__).parse_args()
    rows, measurements, peaks = [], [], {}
    for threads in c.thread_counts(arguments):
        peaks[threads] = c.peak_speed(arguments, threads)
        for work in [*encoder_works(), *decoder_works()]:
            if arguments.only in work["name"]:
                rows += language_rows(arguments, work, threads, measurements)
    for widths in ((64, 32, 10), (784, 128, 10)):
        if arguments.only in f"table step {'-'.join(map(str, widths))}":
            rows += table_rows(arguments, widths, measurements)
    c.finish(arguments, rows, measurements, c.versions("torch", "transformers", "peft", "numpy"), peaks)


if __name__ == "__main__":
    main()
