"""all-MiniLM-L6-v2 in PyTorch: steps of fine-tuning with PEFT or of all weights, or embeddings.

    encoder_torch.py lora|full|embeddings MODEL BATCH LENGTH fp32|bf16|autocast

The mean of the tokens' vectors goes through one dense layer to two classes. Adapters are PEFT's usual ones: rank 8,
alpha 16, on query and value, A and B trained. Dropout is off, as on our side, and AdamW is the fused one.
"""

import sys

import peft
import torch
import transformers

import laps
import modes


def pooled(model, ids):
    return model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.mean(1)


def main():
    method, path, batch, length, mode = sys.argv[1:]
    modes.use_threads()
    shape = (int(batch), int(length))
    model = transformers.AutoModel.from_pretrained(
        path, dtype=modes.weights_type(mode), add_pooling_layer=False, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0)
    ids = torch.randint(1000, 30000, shape)

    if method == "embeddings":
        model.eval()

        def embed():
            with torch.inference_mode(), modes.computing(mode):
                return torch.nn.functional.normalize(pooled(model, ids), dim=-1)

        laps.answer(embed)
        return

    if method == "lora":
        adapters = peft.LoraConfig(r=8, lora_alpha=16, lora_dropout=0.0, target_modules=["query", "value"])
        model = peft.get_peft_model(model, adapters).to(modes.weights_type(mode))
    model.train()
    head = torch.nn.Linear(model.config.hidden_size, 2, dtype=modes.weights_type(mode))
    trained = [p for p in [*model.parameters(), *head.parameters()] if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4, fused=True)
    labels = torch.randint(0, 2, shape[:1])

    def step():
        optimizer.zero_grad(set_to_none=True)
        with modes.computing(mode):
            loss = torch.nn.functional.cross_entropy(head(pooled(model, ids)), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    laps.answer(step)


if __name__ == "__main__":
    main()
