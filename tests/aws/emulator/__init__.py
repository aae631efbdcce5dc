"""Emulated AWS for tests: MiniStack in a process of its own on 127.0.0.1, its data in a folder."""

import os
import re
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from duff_orders.drivers.spark import use_java
from duff_orders.errors import SettingsError
from duff_orders.lake.stores.s3 import S3Store
from tests.effort import PATIENCE

ROOT = Path(__file__).parents[3]
ENVIRONMENTS = ROOT / "build" / "emulator"
# What the functions run on: Python 3.13, as on AWS, where one was found, else that of the tests (see the Makefile).
_FUNCTIONS = ENVIRONMENTS / "runtime"
#: Of an emulator that speaks TLS, below its folder.
CERTIFICATE = "tmp/ministack-tls/server.crt"
#: What names it to boto3, and to everybody else.
TRUST = ("AWS_CA_BUNDLE", "SSL_CERT_FILE")
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
}


@contextmanager
def emulated_aws(folder: Path, *, enforced: bool = False, port: int = 0, concurrency: int = 0) -> Iterator[str]:
    """Run the emulator, which the environment names, too; EMULATOR_FOLDER is `folder`. Yields its address."""
    with (
        emulator(folder, enforced=enforced, port=port, concurrency=concurrency) as address,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": address, "EMULATOR_FOLDER": str(folder)}.items():
            patch.setenv(name, value)
        for name in TRUST if enforced else ():
            patch.setenv(name, str(folder / CERTIFICATE))
        yield address


@contextmanager
def emulator(folder: Path, *, enforced: bool = False, port: int = 0, concurrency: int = 0) -> Iterator[str]:
    """Run the emulator with its data below `folder`, on a free port unless told which; yields its address.

    `concurrency` is that of all functions together, beyond which they are throttled; 0: enough. With `enforced` it
    speaks TLS only, verifies signatures, and refuses what the caller's policies do not allow.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))
        port = probe.getsockname()[1]
    address = f"http{'s' * enforced}://127.0.0.1:{port}"
    with suppress(SettingsError):  # without Java no Glue job can run, which it tells then
        use_java()
    data = folder / "s3"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "DUFF_"))},
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": address,
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "S3_PERSIST": "1",
        **({"LAMBDA_ACCOUNT_CONCURRENCY": str(concurrency)} if concurrency else {}),
        "SFN_WAIT_SCALE": "0.3",  # waits and pauses between tries, of which the shortest is a second
        "S3_DATA_DIR": str(data),
        "STATE_DIR": str(folder / "state"),
        "TMPDIR": str(folder / "tmp"),
        "PYTHONPATH": str(ROOT / "src"),
        "RUNTIME_PYTHON": str(_FUNCTIONS / "bin" / "python"),
        "GLUE_PYTHON": sys.executable,
        **({"AUTH": "true", "USE_SSL": "1", **dict.fromkeys(TRUST, str(folder / CERTIFICATE))} if enforced else {}),
    }
    for name in ("tmp", "faults"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with (folder / "emulator.log").open("w") as log:
        server = subprocess.Popen(
            [ENVIRONMENTS / "aws" / "bin" / "python", Path(__file__).parent / "server.py"],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(server, port, folder / "emulator.log")
            yield address
        finally:
            server.terminate()
            try:
                server.wait(1)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


class Mounted(S3Store):
    """The store on emulated S3, of which an engine in this process reads the objects where the emulator keeps them."""

    def address(self, name: str) -> str:
        bucket, _, key = super().address(name).removeprefix("s3://").partition("/")
        return str(Path(os.environ["EMULATOR_FOLDER"], "s3", "000000000000", bucket, key))


def functions_python() -> str:
    """The release of Python that the functions run on, such as `3.13`."""
    told = re.search(r"^version *= *(3[.]\d+)", (_FUNCTIONS / "pyvenv.cfg").read_text(), re.MULTILINE)
    assert told, f"{_FUNCTIONS} is no environment of Python"
    return told[1]


def new_buckets(*, versions: bool = True) -> tuple[str, str]:
    """A raw bucket, which keeps versions unless told, and a processed one, under names that nobody has."""
    import boto3

    client, made = boto3.client("s3"), (f"raw-{uuid.uuid4()}", f"processed-{uuid.uuid4()}")
    for name in made:
        client.create_bucket(Bucket=name)
    if versions:
        client.put_bucket_versioning(Bucket=made[0], VersioningConfiguration={"Status": "Enabled"})
    return made


def _wait(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the emulator did not start:\n{log.read_text()[-3000:]}") from None
            time.sleep(0.1)
