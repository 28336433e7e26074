"""The three ways in which PyTorch computes: fp32; bf16 weights, gradients and state; or fp32 with bf16 autocast."""

import contextlib
import os

import torch

MODES = ("fp32", "bf16", "autocast")


def use_threads():
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    torch.set_num_interop_threads(1)
    torch.manual_seed(1)


def weights_type(mode):
    return torch.bfloat16 if mode == "bf16" else torch.float32


def computing(mode):
    return torch.autocast("cpu", torch.bfloat16) if mode == "autocast" else contextlib.nullcontext()
