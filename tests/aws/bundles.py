"""What the tests deploy: packaged by `duff package` itself, once for each state of the sources.

pip and the zips take 20 s of a core, and a run of the tests makes ten deployments of equal content.
"""

import fcntl
import hashlib
import importlib.metadata
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from duff_orders.aws import package as packaging
from duff_orders.aws.package import Architecture
from tests.aws.emulator import ENVIRONMENTS, ROOT

_KEPT = ENVIRONMENTS / "bundles"


@contextmanager
def made_once() -> Iterator[None]:
    """Deployments within take what was packaged before, where nothing that goes into it has changed."""
    with mock.patch("duff_orders.aws.release.package", packaged):
        yield


def packaged(folder: Path, *, architecture: Architecture, python: str) -> list[Path]:
    """What `duff package` writes into a folder."""
    _KEPT.mkdir(parents=True, exist_ok=True)
    kept = _KEPT / _state(architecture, python)
    with (_KEPT / ".lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not kept.is_dir():
            for older in _KEPT.glob("[!.]*"):
                shutil.rmtree(older)
            with tempfile.TemporaryDirectory(dir=_KEPT, prefix=".") as name:
                packaging.package(Path(name, "made"), architecture=architecture, python=python)
                Path(name, "made").rename(kept)
        return [Path(shutil.copyfile(path, folder / path.name)) for path in sorted(kept.iterdir())]


def _state(architecture: str, python: str) -> str:
    """A name for all that goes into a release."""
    digest = hashlib.sha256(f"{architecture} {python}".encode())
    for folder in (ROOT / "src", ROOT / "cloudformation"):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    for name in sorted({name for needed in packaging.BUNDLES.values() for name in needed}):
        digest.update(f"{name}=={importlib.metadata.version(name)}".encode())
    return digest.hexdigest()[:16]
