"""The primitives, all from pyca/cryptography."""

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .encoding import label


def hkdf(key, info, salt=b"", size=32):
    """HKDF-SHA256. An absent salt and an empty one are the same."""
    return HKDF(hashes.SHA256(), size, salt or None, info).derive(key)


def keystream(key, size):
    """AES-256-CTR over zeros, from an all-zero counter block that counts up as one big-endian number."""
    return Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor().update(bytes(size))


def _raw(key):
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def x25519_point(scalar):
    return _raw(X25519PrivateKey.from_private_bytes(scalar))


def x25519(scalar, point):
    """The product; None when it is zero, which is so exactly for points of low order."""
    try:
        product = X25519PrivateKey.from_private_bytes(scalar).exchange(X25519PublicKey.from_public_bytes(point))
    except ValueError:
        return None
    return None if product == bytes(32) else product


def seal(key, plaintext, data):
    """AES-256-GCM under a key that seals once, so that the nonce can be zero; the tag is the last 16 bytes."""
    return AESGCM(key).encrypt(bytes(12), plaintext, data)


def open_sealed(key, sealed, data):
    """The plaintext; None when the tag is wrong."""
    try:
        return AESGCM(key).decrypt(bytes(12), sealed, data)
    except InvalidTag:
        return None


class Signer:
    """An Ed25519 key. What is signed is always a label and a message."""

    def __init__(self, seed):
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = _raw(self._key)

    def sign(self, name, message):
        return self._key.sign(label(name) + message)


def is_signed(key, signature, name, message):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, label(name) + message)
        return True
    except (InvalidSignature, ValueError):
        return False
