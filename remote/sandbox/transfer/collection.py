"""A collection of the sandbox: a directory tree that Transfer serves, and the file documents it shows.

Operations raise `OSError` as the file system does; `refusal` turns it into the HTTP error of Transfer and
`fault_code` into the code a task's fault carries. Both come from the service's published lists and the registered
fixtures of globus-sdk.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import pwd
import stat as stat_module
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

Document = dict[str, Any]

MAPPED, GUEST = "GCSv5_mapped_collection", "GCSv5_guest_collection"


class TransferError(Exception):
    """A request that Transfer refuses: HTTP status, error code, message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Collection:
    """`root` is what clients call "/"; whatever resolves outside `inside`, symbolic links included, is denied."""

    root: Path
    inside: Path
    name: str
    entity_type: str = MAPPED

    def locate(self, path: str, *, follow: bool = True) -> Path:
        """The place on disk of a collection path. `follow=False`: the last component may itself be a link that
        leads outside (to delete it, or to show it). Raises OSError: EINVAL for a path that is none, EACCES outside."""
        if not isinstance(path, str) or "\0" in path or not path.startswith(("/", "~")):
            raise OSError(errno.EINVAL, "Path must be absolute", str(path))
        if ".." in path.split("/"):
            raise OSError(errno.EINVAL, "Path must not contain '..'", path)
        home, _, below_home = path.removeprefix("/").partition("/")
        place = self.inside / below_home if home == "~" else self.root / path.lstrip("/")
        resolved = place.resolve() if follow else place.parent.resolve() / place.name
        inside = self.inside.resolve()
        if resolved != inside and inside not in resolved.parents:
            raise PermissionError(errno.EACCES, "Path not allowed", path)
        if path.endswith("/") and place.is_file():
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory", path)
        return place

    def stat(self, path: str) -> Document:
        place = self.locate(path)
        place.stat()
        return self.file_document(place)

    def listing(self, path: str, *, show_hidden: bool = True) -> list[Document]:
        """File documents of a directory, ordered by name. An entry that vanishes meanwhile is left out."""
        directory = self.locate(path)
        documents = []
        for place in sorted(directory.iterdir()):
            if show_hidden or not place.name.startswith("."):
                with contextlib.suppress(FileNotFoundError):
                    documents.append(self.file_document(place))
        return documents

    def mkdir(self, path: str) -> None:
        self.locate(path).mkdir()

    def rename(self, old: str, new: str) -> None:
        source, target = self.locate(old, follow=False), self.locate(new, follow=False)
        if target.exists():
            raise FileExistsError(errno.EEXIST, "Path exists", new)
        source.rename(target)

    def file_document(self, place: Path) -> Document:
        """The document of a file, a directory or a link; a link is shown as what it leads to, if that is inside."""
        status = place.lstat()
        document: Document = dict.fromkeys(_LINK_FIELDS)
        kind = None
        if stat_module.S_ISLNK(status.st_mode):
            document.update(
                link_target=str(place.readlink()),
                link_size=status.st_size,
                link_last_modified=_file_time(status.st_mtime),
                link_user=_user(status.st_uid),
                link_group=_group(status.st_gid),
            )
            target = place.resolve()
            if target.exists() and self.inside.resolve() in target.parents:
                status = target.stat()
            else:
                kind = "invalid_symlink"
        return {
            "DATA_TYPE": "file",
            "name": place.name,
            "type": kind or _kind(status.st_mode),
            "size": status.st_size,
            "last_modified": _file_time(status.st_mtime),
            "permissions": f"{stat_module.S_IMODE(status.st_mode):04o}",
            "user": _user(status.st_uid),
            "group": _group(status.st_gid),
            **document,
        }


_LINK_FIELDS = ("link_target", "link_size", "link_last_modified", "link_user", "link_group")

_FAULT_CODES = {
    errno.ENOENT: "FILE_NOT_FOUND",
    errno.EACCES: "PERMISSION_DENIED",
    errno.EPERM: "PERMISSION_DENIED",
    errno.EROFS: "PERMISSION_DENIED",
    errno.EISDIR: "IS_A_DIRECTORY",
    errno.ENOTDIR: "NOT_A_DIRECTORY",
    errno.EEXIST: "NOT_A_DIRECTORY",  # of mkdir, where something else is in the way
    errno.ENOSPC: "NO_SPACE_LEFT",
    errno.EDQUOT: "QUOTA_EXCEEDED",
    errno.EINVAL: "INVALID_PATH_NAME",
    errno.ENAMETOOLONG: "INVALID_PATH_NAME",
    errno.ELOOP: "INVALID_SYMLINK",
}


def fault_code(error: OSError) -> str:
    """The code under which a task reports this error in its events and its nice_status."""
    return _FAULT_CODES.get(error.errno or 0, "ENDPOINT_ERROR")


def refusal(error: OSError, collection: Collection, collection_id: str, operation: str) -> TransferError:
    """The HTTP error of ls, stat, mkdir or rename. 502 is what Transfer answers for an error of the endpoint."""
    path = error.filename if isinstance(error.filename, str) else ""
    detail = f"Error ({operation})\nEndpoint: {collection.name} ({collection_id})\nMessage: {error.strerror}\n---\n"
    detail += f"Details: {path}\n"
    if isinstance(error, PermissionError):
        return TransferError(403, "EndpointPermissionDenied", f"Denied by endpoint, {detail}")
    if isinstance(error, FileNotFoundError):
        code = "NotFound" if operation == "stat" else "ClientError.NotFound"
        return TransferError(404, code, f"Path not found, {detail}")
    if error.errno == errno.EINVAL:
        return TransferError(400, "ClientError.BadRequest", f"Invalid path, {detail}")
    family = {"ls": "DirListingFailed", "mkdir": "MkdirFailed", "rename": "RenameFailed"}.get(operation, "StatFailed")
    kind = {errno.EEXIST: ".Exists", errno.ENOTDIR: ".NotDirectory"}.get(error.errno or 0, "")
    return TransferError(502, f"ExternalError.{family}{kind}", detail)


def _kind(mode: int) -> str:
    if stat_module.S_ISDIR(mode):
        return "dir"
    return "file" if stat_module.S_ISREG(mode) else "other"


def _file_time(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), timezone.utc).isoformat(" ")


@lru_cache(maxsize=64)
def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@lru_cache(maxsize=64)
def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
