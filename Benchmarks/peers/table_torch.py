"""Steps of a small dense network in PyTorch: ReLU, cross-entropy, plain SGD.

    table_torch.py WIDTHS BATCH
"""

import sys

import torch

import laps
import modes

STEPS_PER_LAP = 100


def main():
    widths = [int(width) for width in sys.argv[1].split(",")]
    batch = int(sys.argv[2])
    modes.use_threads()
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    features = torch.randn(batch, widths[0])
    labels = torch.randint(0, widths[-1], (batch,))

    def steps():
        for _ in range(STEPS_PER_LAP):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(features), labels).backward()
            optimizer.step()

    laps.answer(steps, STEPS_PER_LAP)


if __name__ == "__main__":
    main()
