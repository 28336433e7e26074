"""Whether peft reads the adapters that the product writes: names, shapes, scale, and no module too many or too few.

    tributary-bench adapter --directory DIR && python adapter.py DIR
"""
import functools
import json
import math
import sys
import warnings

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModel, AutoModelForCausalLM

warnings.filterwarnings("error", message=".*(missing|unexpected).*")  # so peft speaks of adapter keys


def check(directory, kind, load, modules):
    base = load(f"{directory}/{kind}")
    stored = load_file(f"{directory}/{kind}/model.safetensors")
    loaded = base.state_dict()
    for name, value in stored.items():
        assert torch.equal(loaded[name], value), name
    adapter = f"{directory}/{kind}-adapter"
    with open(f"{adapter}/adapter_config.json") as file:
        config = json.load(file)
    files = load_file(f"{adapter}/adapter_model.safetensors")
    model = PeftModel.from_pretrained(base, adapter)
    rank = config["r"]
    scale = config["lora_alpha"] / (math.sqrt(rank) if config["use_rslora"] else rank)
    adapted = {name for name, module in model.named_modules() if hasattr(module, "lora_A")}
    expected = {name.rsplit(".lora_", 1)[0] for name in files}
    assert adapted == expected and len(adapted) == 2 * modules, adapted ^ expected
    ids = torch.arange(12).reshape(1, 12)
    with torch.no_grad():
        through_adapters = model(input_ids=ids)[0]
    named = dict(model.named_modules())
    for name in sorted(adapted):
        module = named[name]
        a, b = files[f"{name}.lora_A.weight"], files[f"{name}.lora_B.weight"]
        assert torch.equal(module.lora_A["default"].weight, a) and torch.equal(module.lora_B["default"].weight, b), name
        assert abs(module.scaling["default"] - scale) < 1e-12, name
        module.base_layer.weight.data += scale * b @ a
    for module in (named[name] for name in adapted):
        module.lora_B["default"].weight.data.zero_()
    with torch.no_grad():
        merged = model(input_ids=ids)[0]
        without = load(f"{directory}/{kind}")(input_ids=ids)[0]
    assert torch.allclose(through_adapters, merged, atol=1e-5), (through_adapters - merged).abs().max()
    assert (through_adapters - without).abs().max() > 1e-3
    print(f"{kind}: {len(adapted)} modules, scale {scale:g}, as written")


check(sys.argv[1], "encoder", functools.partial(AutoModel.from_pretrained, add_pooling_layer=False), 3)
check(sys.argv[1], "decoder", AutoModelForCausalLM.from_pretrained, 7)
