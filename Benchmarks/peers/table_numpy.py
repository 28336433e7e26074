"""Steps of a dense network with one hidden layer, by hand in numpy: ReLU, cross-entropy, plain SGD.

    table_numpy.py WIDTHS BATCH
"""

import sys

import numpy as np

import laps

STEPS_PER_LAP = 100
RATE = np.float32(0.1)


def main():
    inputs, hidden, outputs = (int(width) for width in sys.argv[1].split(","))
    batch = int(sys.argv[2])
    random = np.random.default_rng(1)
    w1 = (random.standard_normal((inputs, hidden)) * 0.05).astype(np.float32)
    w2 = (random.standard_normal((hidden, outputs)) * 0.05).astype(np.float32)
    b1, b2 = np.zeros(hidden, np.float32), np.zeros(outputs, np.float32)
    features = random.standard_normal((batch, inputs)).astype(np.float32)
    labels, rows = random.integers(0, outputs, batch), np.arange(batch)

    def steps():
        for _ in range(STEPS_PER_LAP):
            a = np.maximum(features @ w1 + b1, 0)
            logits = a @ w2 + b2
            p = np.exp(logits - logits.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            p[rows, labels] -= 1
            p *= np.float32(1 / batch)
            da = (p @ w2.T) * (a > 0)
            w2[...] -= RATE * (a.T @ p)
            b2[...] -= RATE * p.sum(0)
            w1[...] -= RATE * (features.T @ da)
            b1[...] -= RATE * da.sum(0)

    laps.answer(steps, STEPS_PER_LAP)


if __name__ == "__main__":
    main()
