"""`console site bundle`: the kit as one file, with an installer that needs nothing of the console."""

from __future__ import annotations

import argparse
import gzip
import io
import os
import tarfile
from pathlib import Path

import remote.site
from console.cli.asking import Failure, print_outcome

KIT = Path(remote.site.__file__).parent / "kit"
FOLDER = "frib-kit"  # that the bundle unpacks to


def bundle(options: argparse.Namespace) -> int:
    path: Path = options.output
    if path.is_dir():
        raise Failure(f"{path} is a directory: --output names the file")
    data = packed(KIT)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    told = (
        f"{path}: {len(data):,} bytes. At the site: tar xzf {path.name} && python3 {FOLDER}/install.py DIRECTORY, "
        "where DIRECTORY is site.kit of the profile"
    )
    return print_outcome(options, {"bundle": str(path), "bytes": len(data), "files": files(KIT)}, told)


def packed(kit: Path) -> bytes:
    """A tar file with gzip, the same bytes for the same kit."""
    packing = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packing, mode="wb", mtime=0, filename="") as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for name in files(kit):
            data = (kit / name).read_bytes()
            entry = tarfile.TarInfo(f"{FOLDER}/{name}")
            entry.size, entry.mode = len(data), 0o755 if data.startswith(b"#!") else 0o644
            archive.addfile(entry, io.BytesIO(data))
    return packing.getvalue()


def files(kit: Path) -> list[str]:
    """The paths of its files: what Python leaves there, and a site's own settings, are none of it."""
    found = (path.relative_to(kit) for path in kit.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if "__pycache__" not in path.parts and path.name != "site.conf")
