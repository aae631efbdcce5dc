"""`make sandbox`: the three stacks on emulated AWS, on 127.0.0.1, until it is stopped. No account, nothing leaves here.

python -m tests.aws.sandbox [FOLDER]      # .sandbox unless told: the emulator's data, and `env`, the addresses
"""

import os
import shutil
import signal
import socket
import sys
import threading
from pathlib import Path

from duff_orders.aws.deploy import deploy
from duff_orders.aws.smoke import api_address, api_key
from duff_orders.aws.stacks import Deployment
from tests.aws.bundles import made_once
from tests.aws.conftest import ARCHITECTURE
from tests.aws.emulator import CREDENTIALS, ENVIRONMENTS, emulated_aws, functions_python

#: Where AWS's emulators are usually looked for; another is taken where somebody is there.
USUAL_PORT = 4566
#: As on AWS, but for what waits: nobody wants to wait two minutes for a build.
PARAMETERS = {"PollSeconds": "15", "BatchSeconds": "5", "BuildMinutes": "0", "Queries": "on"}
INVITATION = """
The sandbox is up: emulated AWS on {endpoint}, its data in {folder}. Ctrl-C stops it.
In another terminal:

  set -a; . {folder}/env; set +a
  {duff} upload --deployment duff-orders samples/01-orders.csv samples/03-dirty.csv
  {duff} status --deployment duff-orders
  {duff} serve --deployment duff-orders
  curl -H "x-api-key: $API_KEY" "$API_URL/v1/files"

or, where there is an aws command: aws --endpoint-url $AWS_ENDPOINT_URL s3 cp samples/01-orders.csv s3://$RAW_BUCKET/
"""


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".sandbox")
    if not (ENVIRONMENTS / "aws").is_dir():
        raise SystemExit("the emulator is not installed: `make sandbox` installs and starts it")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with emulated_aws(folder.resolve(), port=_port()) as endpoint, made_once():
        outputs = deploy(
            Deployment(),
            architecture=ARCHITECTURE,
            python=functions_python(),
            parameters=PARAMETERS,
            on_event=lambda resource, state, why: print(f"{resource}: {state}", flush=True),
        )
        values = {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": endpoint,
            "RAW_BUCKET": outputs["RawBucket"],
            "PROCESSED_BUCKET": outputs["ProcessedBucket"],
            "API_URL": api_address(outputs),
            "API_KEY": api_key(outputs),
        }
        partial = folder / "env.partial"
        partial.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
        partial.rename(folder / "env")
        print(INVITATION.format(endpoint=endpoint, folder=folder, duff=os.path.relpath(_duff())), flush=True)
        while not stop.wait(0.5):
            pass
    print("stopped")


def _duff() -> Path:
    return Path(sys.executable).parent / "duff"


def _port() -> int:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", USUAL_PORT))
        except OSError:
            return 0
    return USUAL_PORT


if __name__ == "__main__":
    main()
