"""Credentials that are over: what AWS answers then, from a server on this machine."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from typer.testing import CliRunner

from duff_orders.cli.main import app
from duff_orders.errors import PipelineError
from duff_orders.lake.stores.objects import object_errors
from duff_orders.lake.stores.s3 import S3Store

SAID = "the credentials for AWS have expired; sign in again, e.g. `aws sso login`"
ERROR = "<Code>ExpiredToken</Code><Message>The provided token has expired.</Message>"


class Expired(BaseHTTPRequestHandler):
    """Refuses everything, CloudFormation's questions (POST) and S3's alike."""

    def do_POST(self) -> None:
        self._answer(403, f"<ErrorResponse><Error><Type>Sender</Type>{ERROR}</Error></ErrorResponse>")

    def do_GET(self) -> None:
        self._answer(400, f"<Error>{ERROR}</Error>")

    def _answer(self, status: int, text: str) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *arguments: object) -> None:
        """Quiet."""


@pytest.fixture
def _expired(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Expired) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            monkeypatch.setenv(name, "over")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        boto3.setup_default_session()
        yield
        server.shutdown()
        boto3.setup_default_session()


@pytest.mark.usefixtures("_expired")
def test_every_command_says_so() -> None:
    for command in ("files", "status", "check"):
        result = CliRunner().invoke(app, [command, "--deployment", "acme"])
        assert (type(result.exception), str(result.exception)) == (PipelineError, SAID)


@pytest.mark.usefixtures("_expired")
def test_so_does_whoever_reads_an_object() -> None:
    with pytest.raises(PipelineError, match="have expired"), object_errors():
        S3Store("raw", "processed").read("processed/files/x.json")
