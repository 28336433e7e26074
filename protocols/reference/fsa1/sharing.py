"""Shamir's secret sharing, byte by byte over GF(2^8) modulo x^8 + x^4 + x^3 + x + 1 (0x11B).

Tables of logarithms are quick and leak through caches: fit for checking vectors, not for a node.
"""

import itertools

import numpy as np


def multiply(a, b):
    """The product by its definition."""
    product = 0
    for bit in range(8):
        if b >> bit & 1:
            product ^= a << bit
    for bit in range(14, 7, -1):
        if product >> bit & 1:
            product ^= 0x11B << bit - 8
    return product


_products = np.array([[multiply(a, b) for b in range(256)] for a in range(256)], dtype=np.uint8)
_inverses = [0] + [next(b for b in range(256) if _products[a, b] == 1) for a in range(1, 256)]


def split(secret, coefficients, threshold, points):
    """A share for each point. The coefficient of degree k for byte j is byte len(secret) * (k - 1) + j."""
    terms = np.frombuffer(secret + coefficients, np.uint8).reshape(threshold, len(secret))
    shares = []
    for x in points:
        value = np.zeros(len(secret), np.uint8)
        for term in terms[::-1]:  # Horner
            value = _products[x, value] ^ term
        shares.append(value.tobytes())
    return shares


def interpolate(shares, at=0):
    """The polynomials' values from {point: share}; at 0 that is the secret."""
    value = np.zeros(len(next(iter(shares.values()))), np.uint8)
    for own, share in shares.items():
        weight = 1
        for other in shares:
            if other != own:
                quotient = _products[at ^ other, _inverses[own ^ other]]
                weight = _products[weight, quotient]
        value ^= _products[weight, np.frombuffer(share, np.uint8)]
    return value.tobytes()


def recover(shares, threshold, accept, colluders):
    """The secret that `accept` knows, by trying subsets, and the points whose shares are proved wrong.

    Returns (None, []) when no subset of the threshold's size gives it.
    """
    for chosen in itertools.combinations(sorted(shares), threshold):
        subset = {x: shares[x] for x in chosen}
        secret = interpolate(subset)
        if accept(secret):
            wrong = [x for x in sorted(shares) if interpolate(subset, at=x) != shares[x]]
            return secret, wrong if len(shares) - len(wrong) >= threshold + colluders else []
    return None, []
