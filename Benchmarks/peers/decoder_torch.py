"""SmolLM2-135M in PyTorch: steps of fine-tuning with PEFT, the loss over the whole sequence.

    decoder_torch.py TARGETS MODEL BATCH LENGTH fp32|bf16|autocast

TARGETS are PEFT's names with commas, or all-linear. Adapters have rank 8 and alpha 16, A and B trained, no dropout.
"""

import sys

import peft
import torch
import transformers

import laps
import modes


def main():
    targets, path, batch, length, mode = sys.argv[1:]
    modes.use_threads()
    model = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=modes.weights_type(mode))
    model.config.use_cache = False
    adapters = peft.LoraConfig(
        task_type="CAUSAL_LM", r=8, lora_alpha=16, lora_dropout=0.0,
        target_modules=targets if targets == "all-linear" else targets.split(","))
    model = peft.get_peft_model(model, adapters).to(modes.weights_type(mode))
    model.train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4, fused=True)
    ids = torch.randint(100, 49000, (int(batch), int(length)))

    def step():
        optimizer.zero_grad(set_to_none=True)
        with modes.computing(mode):
            loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        optimizer.step()
        return loss.item()

    laps.answer(step)


if __name__ == "__main__":
    main()
