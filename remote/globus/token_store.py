"""The file in which a person's login is kept: several processes read it, renew what is in it, and log in anew."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import logging
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from globus_sdk import __version__
from globus_sdk.token_storage import FileTokenStorage, TokenStorageData

from remote import plainfile
from remote.globus.credentials import know
from remote.globus.errors import LOGIN_AGAIN, RemoteError
from remote.globus.secret_file import refuse_if_not_ours, unusable

log = logging.getLogger(__name__)

Signature = tuple[int, int, int]
_MOST_BYTES = 1_000_000
_LOCK_SECONDS, _LOCK_TRIES_EVERY = 10.0, 0.02  # it is held while a small file is written
_NO_STORE = (errno.EINVAL, errno.EFBIG, errno.EISDIR)  # as plainfile has them: whatever lies there, it is no store


class _Damaged(Exception):
    """What lies there is no token store; the text says why."""


class TokenStore(FileTokenStorage):
    """The tokens as the file has them when this is made; `is_current` says whether it still has the same.

    What is renewed is written only as long as it has: of a login that somebody has replaced, or ended, nothing comes
    back. Every change is made under a lock and is there at once, for this account alone.
    """

    file_format = "json"

    def __init__(self, path: Path) -> None:
        """Raises RemoteError (operator) when the file is not this account's alone or cannot be read; also when it was
        no token store: it is set aside, and the next one that is made has no tokens."""
        super().__init__(path)
        self._path = path
        self._signature = signature(path)
        try:
            self._tokens = _read(path)
        except _Damaged as damage:
            raise self._set_aside(damage) from None

    def _ensure_containing_dir_exists(self) -> None:
        """When something is written: who only looks makes nothing."""

    def is_current(self) -> bool:
        return signature(self._path) == self._signature

    @property
    def identity(self) -> str | None:
        """The id of whose login it is; None when there is none."""
        return next((tokens.identity_id for tokens in self._tokens.values()), None)

    def get_token_data_by_resource_server(self) -> dict[str, TokenStorageData]:
        return dict(self._tokens)

    def store_token_data_by_resource_server(self, data: Mapping[str, TokenStorageData]) -> None:
        """What was renewed. It becomes known as secret before anything can say it."""
        _know(data)
        with self._locked():
            if self.is_current():
                self._write({**self._tokens, **data})

    def remove_token_data(self, resource_server: str) -> bool:
        with self._locked():
            if found := resource_server in self._tokens and self.is_current():
                self._write({name: tokens for name, tokens in self._tokens.items() if name != resource_server})
        return found

    def replace(self, data: Mapping[str, TokenStorageData]) -> None:
        """Another login in place of the one that is there, whosever that is by now."""
        _know(data)
        with self._locked():
            self._write(dict(data))

    def remove(self) -> None:
        """No login any more."""
        with self._locked():
            self._path.unlink(missing_ok=True)

    def _write(self, tokens: dict[str, TokenStorageData]) -> None:
        written = {name: each.to_dict() for name, each in tokens.items()}
        document = {"format_version": "2.0", "globus-sdk.version": __version__, "data": {self.namespace: written}}
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")  # of mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(document, file)
                file.flush()
                os.fsync(handle)
            Path(name).replace(self._path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        self._tokens, self._signature = tokens, signature(self._path)

    def _set_aside(self, damage: _Damaged) -> RemoteError:
        """The error that tells it. What somebody has written there meanwhile is left where it is."""
        aside = self._path.with_name(f"{self._path.name}.{time.strftime('%Y%m%dT%H%M%S')}")
        with self._locked():
            if self.is_current():
                self._path.rename(aside)
        cause = f"the token store {self._path} is damaged ({damage}), and was set aside as {aside}"
        log.warning("%s", cause)
        return unusable(cause, LOGIN_AGAIN)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Raises RemoteError when the lock is not to be had in time, or nothing can be written there."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                _lock(lock)
                yield
            finally:
                os.close(lock)
        except OSError as error:
            cause = f"the token store {self._path} cannot be written ({error.strerror})"
            raise unusable(cause, "give this account the right, and room on the disk") from None


def signature(path: Path) -> Signature | None:
    """Differs when the file was written or replaced; None when there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, error) from None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _read(path: Path) -> dict[str, TokenStorageData]:
    """What the file holds is known as secret from now on."""
    try:
        refuse_if_not_ours(path, "token store")
        document = json.loads(plainfile.read(path, _MOST_BYTES))
        found = document["data"].get("DEFAULT", {}) if document["format_version"] == "2.0" else document["by_rs"]
        tokens = {str(name): TokenStorageData.from_dict(each) for name, each in found.items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        if error.errno in _NO_STORE:
            raise _Damaged(error.strerror) from None
        raise _unreadable(path, error) from None
    # The text of an exception may hold a token: its name says enough.
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _Damaged(type(error).__name__) from None
    _know(tokens)
    if len({each.identity_id for each in tokens.values()} - {None}) > 1:
        raise _Damaged("tokens of several identities")
    return tokens


def _lock(handle: int) -> None:
    until = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise TimeoutError(errno.ETIMEDOUT, "another process holds its lock") from None
            time.sleep(_LOCK_TRIES_EVERY)


def _know(tokens: Mapping[str, TokenStorageData]) -> None:
    for each in tokens.values():
        know(each.access_token, each.refresh_token)


def _unreadable(path: Path, error: OSError) -> RemoteError:
    return unusable(f"the token store {path} cannot be read ({error.strerror})", "give this account the right to it")
