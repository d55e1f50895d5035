"""`console dossier RUN`: all that is known of a run in one file, for an expert who is not here."""

from __future__ import annotations

import argparse
import gzip
import io
import os
import tarfile
from collections.abc import Iterable
from pathlib import Path

from console.cli.asking import Failure, print_outcome, settings_of
from console.cli.status import status_json
from console.driver.process import driver_log
from console.ledger import dossier as dossiers
from console.ledger.store import Ledger
from console.reading.detail import detail
from console.reading.dossier_files import File, of_run
from console.settings.private import FILE_MODE
from remote.globus.credentials import know_environment, know_stored


def dossier(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    path: Path = options.output or Path(f"run-{options.run}-dossier.tar.gz")
    if path.is_dir():
        raise Failure(f"{path} is a directory: --output names the file")
    ledger = Ledger(settings.ledger, read_only=True)
    known, shown = dossiers.read(ledger, options.run), detail(ledger, options.run)
    if known is None or shown is None:
        raise Failure(f"run {options.run} is not known: no such run directory was seen")
    know_environment()
    for secrets in (settings.globus.token_file, settings.globus.client_secret_file, settings.token_store):
        if secrets is not None:
            know_stored(secrets)
    profile = settings.model_dump(mode="json")
    files = of_run(ledger, known, shown, profile, status_json(ledger, options.run), driver_log(settings.ledger))
    data = _packed(f"run-{options.run}-dossier", files, ledger.now())
    _write(path, data)
    named = [file.name for file in files]
    text = f"{path}: {len(named)} files, {len(data):,} bytes, without secrets; for whoever helps with run {options.run}"
    return print_outcome(options, {"run": options.run, "file": str(path), "bytes": len(data), "files": named}, text)


def _packed(folder: str, files: Iterable[File], at: float) -> bytes:
    packing = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packing, mode="wb", mtime=at, filename="") as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for file in files:
            data = file.text.encode(errors="replace")
            entry = tarfile.TarInfo(f"{folder}/{file.name}")
            entry.size, entry.mode, entry.mtime = len(data), FILE_MODE, int(at)
            archive.addfile(entry, io.BytesIO(data))
    return packing.getvalue()


def _write(path: Path, data: bytes) -> None:
    """For this account only, and whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb") as file:
            file.write(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
