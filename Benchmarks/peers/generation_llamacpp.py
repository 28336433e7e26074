"""Tokens of a GGUF model by llama.cpp: a prompt of 64 tokens, which is not timed, and 64 tokens after it, one by one.

    generation_llamacpp.py MODEL.gguf

llama.cpp is called through its C interface, which the xllamacpp package exports, so that nothing is timed but its
`llama_decode`: no server, no sampler, no text.
"""

import ctypes as c
import glob
import importlib.util
import os
import sys

import laps

PROMPT, NEW, CONTEXT = 64, 64, 256


class ModelParameters(c.Structure):
    """Only defaults are used, so its members need not be known; it is passed by value and may be too large."""

    _fields_ = [("opaque", c.c_byte * 512)]


class ContextParameters(c.Structure):
    _fields_ = [("context", c.c_uint32), ("batch", c.c_uint32), ("opaque", c.c_byte * 512)]


class Batch(c.Structure):
    _fields_ = [
        ("count", c.c_int32), ("tokens", c.POINTER(c.c_int32)), ("embeddings", c.c_void_p), ("positions", c.c_void_p),
        ("sequence_counts", c.c_void_p), ("sequences", c.c_void_p), ("logits", c.c_void_p),
    ]


FUNCTIONS = {
    "llama_backend_init": (None, []), "llama_log_set": (None, [c.c_void_p, c.c_void_p]),
    "llama_model_default_params": (ModelParameters, []), "llama_context_default_params": (ContextParameters, []),
    "llama_model_load_from_file": (c.c_void_p, [c.c_char_p, ModelParameters]),
    "llama_init_from_model": (c.c_void_p, [c.c_void_p, ContextParameters]),
    "llama_set_n_threads": (None, [c.c_void_p, c.c_int32, c.c_int32]),
    "llama_get_memory": (c.c_void_p, [c.c_void_p]), "llama_memory_clear": (None, [c.c_void_p, c.c_bool]),
    "llama_batch_get_one": (Batch, [c.POINTER(c.c_int32), c.c_int32]),
    "llama_decode": (c.c_int32, [c.c_void_p, Batch]),
}


def library():
    folder = importlib.util.find_spec("xllamacpp").submodule_search_locations[0]
    loaded = c.CDLL(glob.glob(os.path.join(folder, "xllamacpp*.so"))[0])
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, arguments
    return loaded


def main():
    llama = library()
    silent = c.CFUNCTYPE(None, c.c_int, c.c_char_p, c.c_void_p)(lambda level, message, data: None)
    llama.llama_log_set(c.cast(silent, c.c_void_p), None)
    llama.llama_backend_init()
    model = llama.llama_model_load_from_file(sys.argv[1].encode(), llama.llama_model_default_params())
    parameters = llama.llama_context_default_params()
    parameters.context = parameters.batch = CONTEXT
    context = llama.llama_init_from_model(model, parameters)
    if not model or not context:
        sys.exit(f"llama.cpp could not load {sys.argv[1]}")
    threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    llama.llama_set_n_threads(context, threads, threads)
    ids = (c.c_int32 * (PROMPT + NEW))(*[100 + 7919 * i % 48900 for i in range(PROMPT + NEW)])

    def decode(first, count):
        tokens = c.cast(c.byref(ids, first * c.sizeof(c.c_int32)), c.POINTER(c.c_int32))
        if llama.llama_decode(context, llama.llama_batch_get_one(tokens, count)) != 0:
            sys.exit("llama.cpp could not decode")

    def prompt():
        llama.llama_memory_clear(llama.llama_get_memory(context), True)
        decode(0, PROMPT)

    def generate():
        for i in range(NEW):
            decode(PROMPT + i, 1)

    laps.answer(generate, NEW, prepare=prompt)


if __name__ == "__main__":
    main()
