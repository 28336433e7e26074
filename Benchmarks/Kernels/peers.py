"""A peer of kernels.py: OpenBLAS through numpy, or PyTorch, in a process of its own.

Speaks the same lines as the Swift side: `SECONDS WORD…` is answered with the milliseconds of the fastest repetition by the
wall clock and by processor time, or with null where this peer has no such operation.
"""

import json
import sys
import time

import numpy


def fastest(lap, seconds):
    lap()
    wall = cpu = float("inf")
    end = time.perf_counter() + seconds
    while True:
        wall_start, cpu_start = time.perf_counter(), time.thread_time()
        lap()
        cpu = min(cpu, time.thread_time() - cpu_start)
        wall = min(wall, time.perf_counter() - wall_start)
        if time.perf_counter() >= end:
            return {"wall": wall * 1e3, "cpu": cpu * 1e3}


def product(words):
    """The operands' shapes and which of them is transposed: (m, n, k, transposed A, transposed B)."""
    form, m, n, k = words[0], *map(int, words[1:4])
    if form == "forward":
        return m, n, k, False, True
    if form in ("backward", "shared"):  # rows, outputs, inputs: dy [rows, outputs] · W [outputs, inputs]
        return m, k, n, False, False
    return m, n, k, form == "tn", form == "nt"


def openblas(words):
    random = numpy.random.default_rng(1)

    def numbers(*shape):
        return random.uniform(-1, 1, shape).astype(numpy.float32)

    if words[0] in ("forward", "backward", "shared", "nn", "nt", "tn"):
        m, n, k, trans_a, trans_b = product(words)
        a, b, c = numbers(*((k, m) if trans_a else (m, k))), numbers(*((n, k) if trans_b else (k, n))), numbers(m, n)
        a, b = a.T if trans_a else a, b.T if trans_b else b
        return lambda: numpy.dot(a, b, out=c)
    if words[0] == "quantised":  # as many bytes, read and added up
        x = numbers(int(words[2]) * int(words[3]) * 34 // 32 // 4)
        return lambda: numpy.dot(x, x)
    return None


def torch_work(words):
    import torch
    functional = torch.nn.functional
    torch.manual_seed(1)
    name, sizes = words[0], [int(word) for word in words[1:] if word.isdigit()]

    if name in ("forward", "backward", "shared", "nn", "nt", "tn"):
        m, n, k, trans_a, trans_b = product(words)
        a = torch.randn((k, m) if trans_a else (m, k))
        b = torch.randn((n, k) if trans_b else (k, n))
        c = torch.empty(m, n)
        a, b = a.t() if trans_a else a, b.t() if trans_b else b
        return lambda: torch.mm(a, b, out=c)

    if name in ("attention", "attention-gradient"):
        sequences, heads, length, width = sizes
        q, k, v = (torch.randn(sequences, heads, length, width, requires_grad=True) for _ in range(3))
        gradient, causal = torch.randn(sequences, heads, length, width), "causal" in words

        def forward():
            with torch.no_grad():
                functional.scaled_dot_product_attention(q, k, v, is_causal=causal)

        def both():
            q.grad = k.grad = v.grad = None
            functional.scaled_dot_product_attention(q, k, v, is_causal=causal).backward(gradient)

        return forward if name == "attention" else both

    if name in ("gelu", "gelu-tanh"):
        x, dy = torch.randn(sizes[0]), torch.randn(sizes[0])
        form = "none" if name == "gelu" else "tanh"

        def both():
            functional.gelu(x, approximate=form)
            torch.ops.aten.gelu_backward(dy, x, approximate=form)

        return both

    if name == "swiglu":
        gate, up, dy = (torch.randn(sizes[0]) for _ in range(3))

        def both():
            silu = functional.silu(gate)
            silu * up
            torch.ops.aten.silu_backward(dy * up, gate)
            dy * silu

        return both

    if name == "softmax":
        x = torch.randn(*sizes)
        return lambda: torch.softmax(x, 1)

    if name == "cross-entropy":
        x = torch.randn(*sizes, requires_grad=True)
        labels = torch.arange(sizes[0]) * 300 % sizes[1]

        def both():
            x.grad = None
            functional.cross_entropy(x, labels).backward()

        return both

    if name.startswith("layernorm"):
        x, dy = torch.randn(*sizes), torch.randn(*sizes)
        gain, bias = torch.randn(sizes[1]), torch.randn(sizes[1])
        if name == "layernorm":
            return lambda: torch.native_layer_norm(x, [sizes[1]], gain, bias, 1e-5)
        _, mean, r = torch.native_layer_norm(x, [sizes[1]], gain, bias, 1e-5)
        wanted = [True, True, True]
        return lambda: torch.ops.aten.native_layer_norm_backward(dy, x, [sizes[1]], mean, r, gain, bias, wanted)

    if name.startswith("rmsnorm"):
        backward = name.endswith("gradient")
        x, gain = torch.randn(*sizes, requires_grad=backward), torch.randn(sizes[1], requires_grad=backward)
        dy = torch.randn(*sizes)
        if not backward:
            return lambda: functional.rms_norm(x, [sizes[1]], gain, 1e-5)

        def both():
            x.grad = gain.grad = None
            functional.rms_norm(x, [sizes[1]], gain, 1e-5).backward(dy)

        return both

    if name == "adamw":
        parameters = torch.randn(sizes[0], requires_grad=True)
        parameters.grad = torch.randn(sizes[0])
        optimiser = torch.optim.AdamW([parameters], lr=1e-3, weight_decay=0.01, fused=True)
        return optimiser.step

    return None


def main():
    make = {"openblas": openblas, "torch": torch_work}[sys.argv[1]]
    if sys.argv[1] == "torch":
        import torch
        torch.set_num_threads(int(sys.argv[2]))
    print(json.dumps({"ready": True}), flush=True)
    words, lap = None, None
    for line in sys.stdin:
        seconds, *asked = line.split()
        if asked != words:
            words, lap = asked, make(asked)
        print(json.dumps(None if lap is None else fastest(lap, float(seconds))), flush=True)


main()
