"""FSA-1, secure averaging, as ../secure-averaging.md states it.

Written to be read beside that text, section by section, and to be obviously right rather than fast:

    encoding      labels, strings, bitmaps, Merkle trees, packing
    primitives    X25519, Ed25519, HKDF, keystreams, sealed boxes
    sharing       Shamir's shares over GF(2^8)
    messages      the canonical bytes of plans, adverts and closes, and what everyone derives from them
    participant   one node's side of a round, with all that it checks
    coordinator   the other side
    update        from a model's change to lanes and back: clip, rotate, round, grid
"""
