"""The signed id_token, and the key that it is checked with."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cached_property
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

_ALGORITHM = "RS256"
_KEY_ID = "sandbox"


class Signer:
    """A key of its own for each sandbox, made when it is first asked for: most sandboxes never sign."""

    @cached_property
    def _key(self) -> RSAPrivateKey:
        return generate_private_key(public_exponent=65537, key_size=2048)

    def sign(self, claims: dict[str, Any], access_token: str) -> str:
        """The claims with `at_hash`, which binds them to the access token, as a JWT."""
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        at_hash = base64.urlsafe_b64encode(half).decode().rstrip("=")
        return jwt.encode({**claims, "at_hash": at_hash}, self._key, _ALGORITHM, headers={"kid": _KEY_ID})

    def keys(self) -> dict[str, Any]:
        """The JWK set."""
        public = json.loads(RSAAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [{**public, "kid": _KEY_ID, "use": "sig", "alg": _ALGORITHM}]}
