"""`duff deploy` and `destroy`: package, upload, and create or update the three stacks in order."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from duff_orders.aws.package import Architecture, templates
from duff_orders.aws.parameters import BUCKETS, OURS, TEMPLATES
from duff_orders.aws.parameters import values as values_of
from duff_orders.aws.preflight import preflight
from duff_orders.aws.release import Release, before, build, edition, prune, take_back, upload
from duff_orders.aws.stacks import (
    Deployment,
    Done,
    OnEvent,
    Template,
    aws_errors,
    bring_up,
    describe,
    store_of,
    take_down,
)
from duff_orders.errors import InputError, PipelineError
from duff_orders.lake import layout
from duff_orders.lake.glue_catalog import register_days
from duff_orders.lake.stores.base import Store

Stage = Literal["buckets", "etl", "models", "all"]
#: The tag that names the deployment: by it costs can be told apart.
TAG = "duff-orders"


def deploy(
    deployment: Deployment,
    *,
    stage: Stage = "all",
    parameters: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    architecture: Architecture | None = None,
    python: str | None = None,
    dist: Path | None = None,
    release: str | None = None,
    dry_run: bool = False,
    on_event: OnEvent = lambda resource, state, why: None,
) -> dict[str, str]:
    """Create or update the stacks of a stage, or of all; returns their outputs.

    `parameters` are those of the templates; each must belong to one of the stages. Those that are not given stay as
    they were deployed, as do `architecture` and `python` (at first arm64 and 3.13). What is deployed is packaged here,
    unless `dist` is a folder in which it was packaged before, or `release` the name of one in the artifacts bucket.
    All that can have tags has `tags`, and one that names the deployment. The stacks are protected from being deleted by
    any hand but `destroy`'s. The deployment goes to the account, region and endpoint (`AWS_ENDPOINT_URL`) of the
    environment, of which what would stand in its way is told first. With `dry_run` the release is uploaded and what
    would change is told; no stack is touched.

    Raises InputError for an unknown stage or parameter, for a KMS key in place of another one, and where there is no
    such release; PipelineError where a stack fails, or AWS refuses.
    """
    if stage not in get_args(Stage):
        raise InputError(f"stage is {stage!r}; allowed are {', '.join(get_args(Stage))}")
    stages = list(TEMPLATES) if stage == "all" else [stage]
    chosen = dict(parameters or {})
    with aws_errors():
        made = _release(deployment, dist, release, architecture, python)
    texts = made.templates if made else _templates()
    known = {each: Template(texts[each]).parameters for each in stages}
    unknown = chosen.keys() - set().union(*known.values())
    if unknown:
        allowed = ", ".join(sorted(set().union(*known.values()) - OURS))
        raise InputError(f"there is no parameter {', '.join(sorted(unknown))}; parameters: {allowed}")
    made_for = (made.architecture, made.python) if made else (architecture, python)
    chosen |= {"Architecture": made_for[0]} if made_for[0] else {}
    chosen |= {"PythonRuntime": f"python{made_for[1]}"} if made_for[1] else {}
    outputs: dict[str, str] = {}
    with aws_errors():
        values = values_of(deployment, chosen)
        _look_first(deployment, stages, values, chosen, on_event)
        for each in stages:
            template = Template(texts[each])
            if each == "buckets" and describe(deployment.stack(each)) is None:
                # Buckets that were kept are taken over by their names, which must be written for that.
                template = template.with_literals({name: values[name] for name in BUCKETS})
            if each != "buckets":
                if dry_run and describe(deployment.stack("buckets")) is None:
                    _tell_all(template, on_event)
                    continue
                buckets = deployment.outputs("buckets")
                bucket, values["KeyArn"] = buckets["ArtifactsBucket"], buckets.get("KeyArn", "")
                values["Release"] = values.get("Release") or release or _put(dist, bucket, values)
                template = Template(template.body, _address(bucket, f"{values['Release']}/{TEMPLATES[each]}"))
            stack_parameters = {name: value for name, value in values.items() if name in known[each]}
            if "Edition" in known[each]:
                stack_parameters["Edition"] = edition(values["Release"], {**template.defaults, **stack_parameters})
            if dry_run and each == "models" and describe(deployment.stack("etl")) is None:
                _tell_all(template, on_event)
                continue
            labels = {TAG: deployment.named("duff-orders"), **(tags or {})}
            done = bring_up(deployment.stack(each), template, stack_parameters, on_event, tags=labels, dry_run=dry_run)
            if dry_run:
                continue
            outputs |= deployment.outputs(each)
            if done != "unchanged" and each != "buckets":
                prune(deployment, each)
                _follow(store_of(deployment.outputs("buckets")), each, done, outputs, on_event)
    return outputs


def rollback(
    deployment: Deployment,
    *,
    to: str | None = None,
    on_event: OnEvent = lambda resource, state, why: None,
) -> str:
    """Take a release back: the functions at once, then the stacks; returns the release that is in use from then on.

    That is the one before, or `to`, a folder of the artifacts bucket such as releases/0123456789abcdef. Buckets and
    parameters stay as they are. Raises InputError where nothing is deployed, and where there is no such release;
    PipelineError where a stack fails, or AWS refuses.
    """
    with aws_errors():
        bucket = deployment.outputs("buckets")["ArtifactsBucket"]
        release = to or before(deployment, deployment.outputs("etl").get("Release", ""))
        Release.stored(bucket, release)
        for function, version in take_back(deployment, release):
            on_event(function, "TAKEN BACK", f"version {version}")
    for stage in ("etl", "models"):
        deploy(deployment, stage=stage, release=release, on_event=on_event)
    return release


def _release(
    deployment: Deployment, dist: Path | None, release: str | None, architecture: str | None, python: str | None
) -> Release | None:
    """What was built before, if that is to be deployed; raises InputError where it was made for something else."""
    if not dist and not release:
        return None
    if dist:
        made = Release.made(dist)
    else:
        made = Release.stored(deployment.outputs("buckets")["ArtifactsBucket"], str(release))
    for what, wanted, actual in (("architecture", architecture, made.architecture), ("Python", python, made.python)):
        if wanted not in (None, actual):
            raise InputError(f"the {what} is to be {wanted}, and {dist or release} was made for {actual}")
    return made


def _put(dist: Path | None, bucket: str, values: Mapping[str, str]) -> str:
    """Put what is to be deployed into the artifacts bucket; returns its name there."""
    if dist:
        return upload(dist, bucket)
    return build(bucket, values["Architecture"], values["PythonRuntime"].removeprefix("python"))  # type: ignore[arg-type] # checked by package


def _look_first(
    deployment: Deployment,
    stages: Iterable[str],
    values: Mapping[str, str],
    overrides: Mapping[str, str],
    on_event: OnEvent,
) -> None:
    """Tell what is worth knowing of the account; raises PipelineError, with nothing done, for what must fail."""
    is_new = "buckets" in stages and describe(deployment.stack("buckets")) is None
    obstacles = [*preflight({name: values[name] for name in BUCKETS} if is_new else {}, overrides)]
    for each in obstacles:
        on_event("looked at", "STOPS" if each.stops else "NOTED", each.words)
    if stopping := [each.words for each in obstacles if each.stops]:
        raise PipelineError("; ".join(stopping))


def destroy(
    deployment: Deployment, *, data: bool = False, on_event: OnEvent = lambda resource, state, why: None
) -> list[str]:
    """Delete the stacks, last first; returns the names of the buckets that are kept, with all that they hold.

    With `data` these are emptied and deleted, too: every file, every version. Raises InputError where nothing is
    deployed, PipelineError where AWS refuses.
    """
    with aws_errors():
        there = [each for each in reversed(TEMPLATES) if describe(deployment.stack(each))]
        if not there:
            raise InputError(f"nothing is deployed: there is no stack {deployment.stack('buckets')}")
        outputs = deployment.outputs_if_there("buckets")
        buckets = sorted(value for name, value in outputs.items() if name.endswith("Bucket"))
        for each in there:
            take_down(deployment.stack(each), on_event)
        for bucket in buckets if data else ():
            _remove(bucket)
            on_event(bucket, "DELETE_COMPLETE", "with all that it held")
        if key := outputs.get("KeyArn"):
            on_event(key, "RETAINED", "a KMS key is never deleted here: what it encrypted could be read no more")
    return [] if data else buckets


def _templates() -> dict[str, str]:
    return {stage: (templates() / name).read_text(encoding="utf-8") for stage, name in TEMPLATES.items()}


def _tell_all(template: Template, on_event: OnEvent) -> None:
    """Of a stack whose predecessor is not there, CloudFormation cannot make a change set."""
    for name, kind in template.resources.items():
        on_event(name, "would be created", kind)


def _address(bucket: str, key: str) -> str:
    """Where CloudFormation finds an object."""
    import boto3

    return f"{boto3.client('s3').meta.endpoint_url}/{bucket}/{key}"


def _remove(bucket: str) -> None:
    """Delete a bucket and every version of every object."""
    import boto3

    s3 = boto3.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
        if objects:
            refused: list[Any] = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True}).get(
                "Errors", []
            )
            if refused:
                raise PipelineError(f"{bucket} cannot be emptied: {refused[0]['Key']}: {refused[0]['Message']}")
    s3.delete_bucket(Bucket=bucket)


def _follow(store: Store, stage: str, done: Done, outputs: Mapping[str, str], on_event: OnEvent) -> None:
    """Let the catalog show what the buckets hold already: they may be older than its tables."""
    if stage == "etl" and done == "created":
        register_days(store, outputs["Database"])
    if stage == "models" and (done == "updated" or store.exists(layout.STAR_POINTER)):
        # An update may have set the tables back to where the template has them: a build lets them follow again.
        _build(outputs["BuildModels"], on_event)


def _build(function: str, on_event: OnEvent) -> None:
    import boto3

    payload = json.dumps({"build": {"at_once": True}})
    boto3.client("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=payload)
    on_event(function, "STARTED", "")
