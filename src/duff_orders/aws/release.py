"""Releases: what deployments run, each a folder of the artifacts bucket named after its content.

A deployment publishes its functions as versions under editions (a release and a digest of the parameters), and calls
them by an alias. So a release can be taken back at once: its predecessor is still there.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from duff_orders.aws.package import MANIFEST, Architecture, package
from duff_orders.aws.parameters import TEMPLATES
from duff_orders.aws.stacks import Deployment
from duff_orders.errors import InputError

#: The functions of each stage, by their names without a prefix, and the alias under which they are called.
FUNCTIONS = {
    "etl": ("Validate_csv", "Transform-data", "TriggerGlueJob", "Query_Athena"),
    "models": ("Build_models",),
}
ALIAS = "live"
#: Versions of a function that are kept, the one in use among them.
KEPT_VERSIONS = 5
_FOLDER = "releases/"


@dataclass(frozen=True, slots=True)
class Release:
    """What was built once: its templates by stage, and what its bundles were made for."""

    templates: Mapping[str, str]
    architecture: str
    python: str

    @classmethod
    def made(cls, folder: Path) -> "Release":
        """What `duff package` wrote into a folder; raises InputError where that is not all there."""
        return cls._of(str(folder), lambda name: (folder / name).read_text(encoding="utf-8"))

    @classmethod
    def stored(cls, bucket: str, name: str) -> "Release":
        """A release in the artifacts bucket; raises InputError where it is not there, or older than such folders."""
        import boto3
        from botocore.exceptions import ClientError

        s3 = boto3.client("s3")

        def read(path: str) -> str:
            try:
                return str(s3.get_object(Bucket=bucket, Key=f"{name}/{path}")["Body"].read().decode())
            except ClientError as error:
                raise FileNotFoundError(path) from error

        return cls._of(f"s3://{bucket}/{name}", read)

    @classmethod
    def _of(cls, where: str, read: Any) -> "Release":
        try:
            manifest = json.loads(read(MANIFEST))
            templates = {stage: read(name) for stage, name in TEMPLATES.items()}
        except FileNotFoundError as error:
            raise InputError(f"{where} holds no release; `duff package` makes one ({error} is missing)") from None
        return cls(templates, manifest["architecture"], manifest["python"])


def build(bucket: str, architecture: Architecture, python: str) -> str:
    """Package this release, and put it into the artifacts bucket; returns its name there."""
    with tempfile.TemporaryDirectory() as name:
        package(Path(name), architecture=architecture, python=python)
        return upload(Path(name), bucket)


def upload(folder: Path, bucket: str) -> str:
    """Put what was packaged into the artifacts bucket, in a folder named by its content; returns the folder."""
    import boto3

    s3 = boto3.client("s3")
    digest = hashlib.sha256()
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    for path in paths:
        digest.update(path.name.encode() + path.read_bytes())
    release = f"{_FOLDER}{digest.hexdigest()[:16]}"
    for path in paths:
        s3.upload_file(str(path), bucket, f"{release}/{path.name}")
    return release


def edition(release: str, parameters: Mapping[str, str]) -> str:
    """The name under which functions are published: another one whenever what they run, or are told, changes."""
    values = json.dumps(sorted(parameters.items())).encode()
    return f"{release}.{hashlib.sha256(values).hexdigest()[:8]}"


def before(deployment: Deployment, current: str) -> str:
    """The release that was in use before the current one; raises InputError where none is known."""
    for _, release in _published(deployment.named(FUNCTIONS["etl"][0])):
        if release != current:
            return release
    raise InputError(f"no release before {current} is known; `duff rollback --to RELEASE` names one")


def take_back(deployment: Deployment, release: str) -> Iterator[tuple[str, int]]:
    """Let the functions be those of another release, at once; yields each with its version, where it has one."""
    import boto3

    client = boto3.client("lambda")
    for function in (deployment.named(each) for names in FUNCTIONS.values() for each in names):
        version = next((number for number, name in _published(function) if name == release), None)
        if version is not None:
            client.update_alias(FunctionName=function, Name=ALIAS, FunctionVersion=str(version))
            yield function, version


def prune(deployment: Deployment, stage: str) -> None:
    """Delete the oldest versions of a stage's functions; those that are called stay."""
    import boto3

    client = boto3.client("lambda")
    for function in (deployment.named(each) for each in FUNCTIONS.get(stage, ())):
        aliases = client.list_aliases(FunctionName=function)["Aliases"]
        called = {each["FunctionVersion"] for each in aliases}
        for version, _ in [*_published(function)][KEPT_VERSIONS:]:
            if str(version) not in called:
                client.delete_function(FunctionName=function, Qualifier=str(version))


def _published(function: str) -> Iterator[tuple[int, str]]:
    """The versions of a function, newest first, each with its release."""
    import boto3

    pages = boto3.client("lambda").get_paginator("list_versions_by_function").paginate(FunctionName=function)
    versions = [each for page in pages for each in page["Versions"] if each["Version"] != "$LATEST"]
    for each in sorted(versions, key=lambda each: -int(each["Version"])):
        yield int(each["Version"]), each.get("Description", "").rpartition(".")[0]
