"""MiniStack, mended where it is thinner than AWS in a way that our tests would not notice. One function a seam.

Run by the interpreter of build/emulator/aws, with `src` on its path for the translation of Athena's SQL. It is told
all by its environment: what MiniStack takes, RUNTIME_PYTHON (awslambdaric, boto3) and GLUE_PYTHON (PySpark).
"""

import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import duckdb
from ministack.app import main
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.core.responses import error_response_json, get_account_id
from ministack.services import athena, budgets, eventbridge, glue, lambda_svc, s3, sqs, stepfunctions
from ministack.services.cloudformation import provisioners, stacks

from duff_orders.drivers.duckdb import type_of
from duff_orders.query.duckdb import executed
from duff_orders.query.guard.check import check
from duff_orders.query.values import text

HERE = Path(__file__).parent
#: Seconds that a function may take to start, however busy the machine.
PATIENCE = 600
BOOTSTRAP = f"""#!/bin/sh
# What AWS starts for a Python runtime: its interface client, with the bundle and boto3 on the path and nothing else.
exec {os.environ["RUNTIME_PYTHON"]} -m awslambdaric "$_HANDLER"
"""


def functions_run_in_the_real_runtime_interface() -> None:
    """Otherwise every exception is `Runtime.HandlerError`, and no Retry or Catch by class would match."""
    lambda_runtime._worker_class_for = lambda config: lambda_runtime.ProvidedWorker
    lambda_svc._execute_function_warm = lambda_svc._execute_function_provided_warm
    unpack, environment = lambda_svc._provided_runtime_code_dir, lambda_svc._provided_worker_env

    def with_bootstrap(code_zip: bytes) -> str:
        folder = unpack(code_zip)
        bootstrap = Path(folder, "bootstrap")
        if not bootstrap.exists():
            # Several workers may begin at once: it is there whole, or not at all.
            own = Path(folder, f"bootstrap-{threading.get_ident()}")
            own.write_text(BOOTSTRAP)
            own.chmod(0o755)
            own.replace(bootstrap)
        return str(folder)

    def bare(config: dict[str, Any], code_dir: str, port: int) -> dict[str, str]:
        found: dict[str, str] = environment(config, code_dir, port)
        for name in ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME", "RUNTIME_PYTHON", "GLUE_PYTHON"):
            found.pop(name, None)
        trusted = {name: os.environ[name] for name in ("AWS_CA_BUNDLE", "SSL_CERT_FILE") if name in os.environ}
        return {**found, **trusted, "PYTHONPATH": code_dir, "PYTHONDONTWRITEBYTECODE": "1"}

    lambda_svc._provided_runtime_code_dir = with_bootstrap
    lambda_svc._provided_worker_env = bare


def functions_have_time_to_start() -> None:
    """Where a machine is busy, to import a function's packages takes longer than AWS would ever let it."""
    wait = lambda_runtime.ProvidedWorker._await_init

    def patient(worker: Any, init_timeout: float | None = None) -> None:
        wait(worker, max(init_timeout or 0, PATIENCE))

    lambda_runtime.ProvidedWorker._await_init = patient


_TOLD = threading.Lock()


def told(name: str) -> str | None:
    """What is to happen to the next invocation of a function or run of a job: a line of the file `faults/NAME`."""
    path = Path(os.environ["S3_DATA_DIR"]).parent / "faults" / name
    with _TOLD:
        lines = path.read_text().split() if path.exists() else []
        if lines:
            path.write_text("\n".join(lines[1:]))
    return lines[0] if lines else None


def functions_fail_when_told() -> None:
    """AWS may end a worker at any time.

    `kill` ends the process in the middle of its work, `stop` lets it hang until its time is over.
    """
    invoke = lambda_runtime.ProvidedWorker.invoke
    signals = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}

    def strike(worker: Any, fault: str, answered: threading.Event) -> None:
        while worker._current_request_id is None or worker._proc is None or not worker._first_poll.is_set():
            if answered.wait(0.002):
                return
        if not answered.wait(random.uniform(0.0, 0.02)):  # the quickest takes longer
            worker._proc.send_signal(signals[fault])

    def invoke_with_fault(worker: Any, event: Any, *args: Any, **kwargs: Any) -> Any:
        is_of_queue = isinstance(event, dict) and "Records" in event
        fault = told(f"{worker.func_name}.queue" if is_of_queue else worker.func_name)
        if not fault:
            return invoke(worker, event, *args, **kwargs)
        answered = threading.Event()
        threading.Thread(target=strike, args=(worker, fault, answered), daemon=True).start()
        result = invoke(worker, event, *args, **kwargs)
        answered.set()
        if result["status"] == "ok":  # it was quicker than the blow: killed when all was done, but nothing said
            payload = {"errorMessage": "killed", "errorType": "Runtime.ExitError"}
            return {**result, "status": "error", "error": "killed", "error_payload": payload}
        return result

    lambda_runtime.ProvidedWorker.invoke = invoke_with_fault


def throttles_have_their_name() -> None:
    """A function at a limit is `Lambda.TooManyRequestsException` to Step Functions, not unknown."""
    call = stepfunctions._call_lambda

    def call_and_name(func_ref: Any, event: Any) -> Any:
        try:
            return call(func_ref, event)
        except stepfunctions._ExecutionError as error:
            if error.error == "Lambda.Unknown" and "TooManyRequestsException" in str(error.cause):
                raise stepfunctions._ExecutionError("Lambda.TooManyRequestsException", error.cause) from None
            raise

    stepfunctions._call_lambda = call_and_name


def queues_wait_for_throttled_functions() -> None:
    """Who polls a queue for a function tries again while that is throttled; the messages stay with it meanwhile."""
    run = lambda_svc._run_sqs_batch
    execute, polls = lambda_svc._execute_function, threading.local()

    def execute_when_there_is_room(func: Any, event: Any) -> Any:
        result = execute(func, event)
        while getattr(polls, "is_one", False) and result.get("throttle"):
            time.sleep(0.2)
            result = execute(func, event)
        return result

    def run_as_poller(*args: Any) -> None:
        polls.is_one = True
        try:
            run(*args)
        finally:
            polls.is_one = False

    lambda_svc._execute_function, lambda_svc._run_sqs_batch = execute_when_there_is_room, run_as_poller


def events_of_s3_carry_the_version() -> None:
    """As those of a versioned bucket do; and their time, as on AWS, has whole seconds."""
    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event
    version = threading.local()

    def fire_with(*args: Any, **kwargs: Any) -> None:
        version.id = kwargs.get("version_id")
        fire(*args, **kwargs)

    def dispatch_with(event: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if event.get("Source") == "aws.s3":
            if told(f"events-{json.loads(event['Detail'])['bucket']['name']}"):  # a new bucket is silent at first
                return None
            event["Time"] = re.sub(r"[.][0-9]+", "", event["Time"])
            if getattr(version, "id", None):
                detail = json.loads(event["Detail"])
                detail["object"]["version-id"] = version.id
                event["Detail"] = json.dumps(detail)
        return dispatch(event, *args, **kwargs)

    s3._fire_s3_event, eventbridge._dispatch_event = fire_with, dispatch_with


def ranges_of_a_version_are_ranges() -> None:
    """Of a version that is named, the emulator always hands out the whole."""
    get = s3._get_object

    def get_range(bucket: str, key: str, headers: dict[str, str], query: Any = None) -> Any:
        status, found, body = get(bucket, key, headers, query)
        wanted = headers.get("range")
        if status != 200 or not wanted or not body:
            return status, found, body
        start, end = s3._parse_range(wanted, len(body))
        part = body[start : end + 1]
        told = {"Content-Length": str(len(part)), "Content-Range": f"bytes {start}-{end}/{len(body)}"}
        # A checksum of the whole is none of a part.
        kept = {name: value for name, value in found.items() if not name.lower().startswith("x-amz-checksum")}
        return 206, {**kept, **told}, part

    s3._get_object = get_range


def queues_gather_batches() -> None:
    """A function is given what gathers within the batching window, or as many messages as it takes.

    Who polls for it has them from the time at which they were there, and their time out of sight begins with that.
    """
    receive = sqs._receive_messages_for_esm

    def gather(queue_url: str, most: int) -> Any:
        name, now = queue_url.rsplit("/", 1)[-1], time.time()
        sources = [esm for _, _, esm in lambda_svc._iter_all_esms() if esm["EventSourceArn"].endswith(f":{name}")]
        window = max((each.get("MaximumBatchingWindowInSeconds") or 0 for each in sources), default=0)
        visible = [each["visible_at"] for each in sqs._queues[queue_url]["messages"] if each["visible_at"] <= now]
        if len(visible) < most and now < min(visible, default=now) + window:
            return []
        there = {each["id"]: each["visible_at"] for each in sqs._queues[queue_url]["messages"]}
        received = receive(queue_url, most)
        taken = {each["receipt_handle"] for each in received}
        for each in sqs._queues[queue_url]["messages"]:
            if each.get("receipt_handle") in taken:
                each["visible_at"] -= min(window, now - there[each["id"]])
        return received

    sqs._receive_messages_for_esm = gather


def glue_jobs_run() -> None:
    """Spark jobs run as processes, a missing script fails, and MaxConcurrentRuns holds."""
    resolve, start = glue._resolve_script, glue._start_job_run

    def credentials(job: dict[str, Any]) -> dict[str, str]:
        """Those of the job's role, as a function has those of its own."""
        name = str(job["Name"])
        found: dict[str, str] = lambda_runtime.execution_credentials(
            {
                "FunctionName": name,
                "FunctionArn": f"arn:aws:lambda:us-east-1:{get_account_id()}:function:{name}",
                "Role": job["Role"],
            }
        )
        return found

    def run_job(run: dict[str, Any], job: dict[str, Any], args: dict[str, str], script: str) -> None:
        words = [word for name, value in args.items() for word in (name, str(value))]
        library = resolve(args["--extra-py-files"])
        process = subprocess.Popen(
            [os.environ["GLUE_PYTHON"], str(HERE / "glue_run.py"), script, library or "", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **credentials(job), "PYTHONPATH": ""},
            start_new_session=True,
        )
        if told(str(job["Name"])):  # Java is up after some four seconds, and the work takes as many
            threading.Timer(random.uniform(4.0, 9.0), os.killpg, (process.pid, signal.SIGKILL)).start()
        out, err = process.communicate()
        log = Path(os.environ["S3_DATA_DIR"]).parent / f"glue-{run['Id']}.log"
        log.write_text(out + err)
        run["JobRunState"] = "SUCCEEDED" if process.returncode == 0 else "FAILED"
        if process.returncode:
            run["ErrorMessage"] = (err.strip().splitlines() or ["the run was killed"])[-1][:1000]

    def start_if_allowed(data: dict[str, Any]) -> Any:
        if ("NumberOfWorkers" in data) != ("WorkerType" in data):
            message = "Please set both Worker Type and Number of Workers"
            return error_response_json("InvalidInputException", message, 400)
        job = glue._jobs.get(data.get("JobName")) or {}
        most = int(job.get("ExecutionProperty", {}).get("MaxConcurrentRuns", 1))
        runs = glue._job_runs.get(data.get("JobName")) or []
        if job and sum(run["JobRunState"] in ("STARTING", "RUNNING", "STOPPING") for run in runs) >= most:
            return error_response_json("ConcurrentRunsExceededException", "Concurrent runs exceeded", 400)
        return start(data)

    glue._is_spark_job = lambda job: False
    glue._resolve_script = lambda location: resolve(location) or "/missing/script.py"
    glue._execute_subprocess = run_job
    glue._start_job_run = start_if_allowed


def partitions_go_in_batches() -> None:
    """BatchDeletePartition: what there is not is no error of the others."""
    dispatch = glue._handle_request_sync

    def with_deletion(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
        if headers.get("x-amz-target", "").rpartition(".")[2] != "BatchDeletePartition":
            return dispatch(method, path, headers, body, query)
        data = json.loads(body)
        for each in data["PartitionsToDelete"]:
            glue._delete_partition({**data, "PartitionValues": each["Values"]})
        return glue.json_response({"Errors": []})

    glue._handle_request_sync = with_deletion


def queries_belong_to_their_workgroup() -> None:
    """Who asks for a query by its id must be allowed its workgroup; the emulator would want rights on everything."""
    extract = iam_actions.extract_resource_arn

    def extract_with_workgroup(*args: Any) -> Any:
        found = extract(*args)
        service, body, region, account = args[0], args[4], args[6], args[7]
        if service == "athena" and found == "*" and b"QueryExecutionId" in body:
            query = athena._executions.get(json.loads(body)["QueryExecutionId"]) or {}
            return f"arn:aws:athena:{region}:{account}:workgroup/{query.get('WorkGroup')}"
        return found

    iam_actions.extract_resource_arn = extract_with_workgroup


def kept_buckets_are_taken_over() -> None:
    """A bucket that a change set imports, since it is there and kept, is no clash of names."""
    validate = stacks._validation_errors

    def validate_what_is_new(resources: dict[str, Any], *args: Any, **kwargs: Any) -> list[Any]:
        kept = {
            name
            for name, each in resources.items()
            if str(each.get("DeletionPolicy")).startswith("Retain")
            and isinstance((each.get("Properties") or {}).get("BucketName"), str)
        }
        found = validate(resources, *args, **kwargs)
        return [each for each in found if not (each[0] in kept and each[2] == "NAME_CONFLICT_VALIDATION")]

    stacks._validation_errors = validate_what_is_new


def budgets_are_resources() -> None:
    """CloudFormation makes them, where the emulator has the service alone."""

    def create(logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
        budgets._create_budget({"AccountId": get_account_id(), **properties})
        return properties["Budget"]["BudgetName"], {}

    def delete(physical_id: str, properties: dict[str, Any]) -> None:
        budgets._delete_budget({"AccountId": get_account_id(), "BudgetName": physical_id})

    provisioners._RESOURCE_HANDLERS["AWS::Budgets::Budget"] = {"create": create, "delete": delete}


def security_configurations_are_resources() -> None:
    """CloudFormation makes them, where the emulator has Glue's calls alone."""

    def create(logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
        told = {**properties["EncryptionConfiguration"]}
        told["S3Encryption"] = told.pop("S3Encryptions")  # what CloudFormation calls it
        glue._create_security_configuration({**properties, "EncryptionConfiguration": told})
        return properties["Name"], {}

    def delete(physical_id: str, properties: dict[str, Any]) -> None:
        glue._delete_security_configuration({"Name": physical_id})

    provisioners._RESOURCE_HANDLERS["AWS::Glue::SecurityConfiguration"] = {"create": create, "delete": delete}


def buckets_encrypt_as_their_templates_say() -> None:
    """CloudFormation sets their default encryption, which the emulator has by its own call alone."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]

    def encrypted(name: str, properties: dict[str, Any]) -> None:
        rules = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        told = "".join(
            "<Rule><ApplyServerSideEncryptionByDefault>"
            + "".join(f"<{key}>{value}</{key}>" for key, value in rule["ServerSideEncryptionByDefault"].items())
            + "</ApplyServerSideEncryptionByDefault>"
            + f"<BucketKeyEnabled>{str(rule.get('BucketKeyEnabled', False)).lower()}</BucketKeyEnabled></Rule>"
            for rule in rules
        )
        body = f"<ServerSideEncryptionConfiguration>{told}</ServerSideEncryptionConfiguration>"
        s3._put_bucket_encryption(name, body.encode())

    def wrapped(kind: str, given: int) -> Any:
        handle = handlers[kind]

        def handle_and_encrypt(*args: Any, **kwargs: Any) -> Any:
            done = handle(*args, **kwargs)
            if "BucketEncryption" in args[given]:
                encrypted(done[0], args[given])
            return done

        return handle_and_encrypt

    handlers |= {"create": wrapped("create", 1), "update": wrapped("update", 2)}


def decisions_are_kept() -> None:
    """What roles asked for, where policies are enforced: a line of `calls.jsonl` for each."""
    enforce = iam_evaluator.enforce
    path = Path(os.environ["S3_DATA_DIR"]).parent / "calls.jsonl"

    def enforce_and_keep(access_key: str, action: str, service: str, *args: Any, **kwargs: Any) -> Any:
        denied = enforce(access_key, action, service, *args, **kwargs)
        principal = iam_evaluator.resolve_principal(access_key or "", get_account_id())
        role = re.search(r":assumed-role/([^/]+)/", getattr(principal, "arn", ""))
        if role:
            resource = kwargs.get("resource_arn") or (args[1] if len(args) > 1 else "*")
            told = {"role": role[1], "action": action, "resource": resource, "allowed": denied is None}
            with path.open("a") as file:
                file.write(json.dumps(told) + "\n")
        return denied

    iam_evaluator.enforce = enforce_and_keep


def objects_under_a_key_need_it() -> None:
    """Who reads or writes an object that a KMS key encrypts must be allowed the key, too."""
    more = iam_actions.s3_additional_checks
    header = "x-amz-server-side-encryption-aws-kms-key-id"

    def checks(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = more(method, path, headers, body, query)
        bucket, _, key = path.lstrip("/").partition("/")
        action = iam_actions._s3_action(method, path, query) if key else None
        if action in ("GetObject", "GetObjectVersion"):
            version = (query.get("versionId") or [""])[0]
            records = [each for each in s3._object_versions.get((bucket, key), []) if each["version_id"] == version]
            current = (s3._buckets.get(bucket) or {"objects": {}})["objects"].get(key) or {}
            record = s3._object_record_from_version(records[0]) if records else current
            by, needed = s3._stored_sse_headers(record), ["kms:Decrypt"]
        elif action == "PutObject":
            by = headers if header in headers else s3._bucket_default_sse_headers(bucket)
            # A large object is put in parts, for which it is decrypted, too.
            needed = ["kms:GenerateDataKey", "kms:Decrypt"] if "uploadId" in query else ["kms:GenerateDataKey"]
        else:
            return found
        return [*found, *((each, by[header]) for each in needed if header in by)]

    resources = iam_actions.s3_access_point_resources

    def resources_and_keys(arn: str) -> list[tuple[str, dict[str, Any]]]:
        if not arn.startswith("arn:aws:kms:"):
            return list(resources(arn))
        return [(arn, {"kms:ViaService": f"s3.{arn.split(':')[3]}.amazonaws.com"})]

    iam_actions.s3_additional_checks, iam_actions.s3_access_point_resources = checks, resources_and_keys


class _Named(str):
    """The name of a type as Athena tells it, with the digits of a decimal beside it."""

    def __new__(cls, name: str, digits: int | None, scale: int) -> "_Named":
        made = super().__new__(cls, name)
        made.digits = digits, scale
        return made

    digits: tuple[int | None, int]


def athena_obeys_the_catalog() -> None:
    """Registered partitions only, the catalog's types, Athena's dialect, execution parameters."""
    start = athena._start_query_execution

    def with_parameters(data: dict[str, Any]) -> Any:
        statement = re.sub(r"(?m)^\s*--.*$", "", data.get("QueryString", ""))  # a comment may ask something
        pieces = statement.split("?")
        given = data.get("ExecutionParameters") or []
        if len(pieces) != len(given) + 1:
            return error_response_json("InvalidRequestException", "wrong number of execution parameters", 400)
        text = pieces[0] + "".join(value + piece for value, piece in zip(given, pieces[1:], strict=True))
        return start({**data, "QueryString": text})

    async def run(query: str, database: str, catalog: str | None = None) -> dict[str, Any]:
        checked = check(query.replace(f"{database}.", ""))
        tables = {name: _relation(database, name) for name in checked.tables}

        def execute() -> dict[str, Any]:
            with duckdb.connect(":memory:") as connection:
                connection.execute("set timezone = 'UTC'")
                for name, relation in tables.items():
                    connection.execute(f"create temp view {name} as {relation}")
                rows = executed(connection, checked).fetchall()
                kinds = [each.type for each in checked.columns]
                return {
                    "columns": [each.name for each in checked.columns],
                    "column_types": [_Named(each.name, each.size, each.scale) for each in kinds],
                    "rows": [
                        [None if value is None else text(value, kind) for value, kind in zip(row, kinds, strict=True)]
                        for row in rows
                    ],
                }

        return await asyncio.to_thread(execute)

    digits = athena._type_precision_scale
    athena._type_precision_scale = lambda kind: kind.digits if kind == "decimal" else digits(kind)
    athena._start_query_execution = with_parameters
    athena._run_duckdb = run


def _relation(database: str, name: str) -> str:
    table = glue._tables.get(f"{database}/{name}")
    if table is None:
        raise ValueError(f"TABLE_NOT_FOUND: {database}.{name}")
    storage = table["StorageDescriptor"]
    columns = [(each["Name"], type_of(each["Type"])) for each in storage["Columns"]]
    keys = [(each["Name"], type_of(each["Type"])) for each in table.get("PartitionKeys") or []]
    places: list[tuple[dict[str, str], str]] = [({}, storage["Location"])]
    if keys:
        registered = glue._partitions.get(f"{database}/{name}") or []
        places = [
            (dict(zip((key for key, _ in keys), each["Values"], strict=True)), each["StorageDescriptor"]["Location"])
            for each in registered
        ]
    parts = []
    for values, location in places:
        files = _files(location)
        if not files:
            continue
        paths = ", ".join("'" + path.replace("'", "''") + "'" for path in files)
        if "json" in storage["SerdeInfo"]["SerializationLibrary"]:
            given = ", ".join(f"{column}: '{kind}'" for column, kind in columns)
            source = (
                f"read_json([{paths}], format = 'newline_delimited', hive_partitioning = false, columns = {{{given}}})"
            )
        else:
            # By name, as Athena reads Parquet: a column that an object does not have is null there.
            nulls = ", ".join(f"null::{kind} as {column}" for column, kind in columns)
            source = (
                f"(select {nulls} where false union all by name"
                f" select * from read_parquet([{paths}], hive_partitioning = false, union_by_name = true))"
            )
        told = [f"cast({column} as {kind}) as {column}" for column, kind in columns]
        told += [f"cast('{values[column]}' as {kind}) as {column}" for column, kind in keys]
        parts.append(f"select {', '.join(told)} from {source}")
    nothing = ", ".join(f"cast(null as {kind}) as {column}" for column, kind in [*columns, *keys])
    return " union all ".join(parts) or f"select {nothing} where false"


def _files(location: str) -> list[str]:
    """The objects below a location, as files."""
    parsed = urlparse(location)
    prefix = parsed.path.lstrip("/")
    objects = (s3._buckets.get(parsed.netloc) or {"objects": {}})["objects"]
    folder = Path(os.environ["S3_DATA_DIR"], get_account_id(), parsed.netloc)
    return [
        str(folder / key)
        for key in sorted(objects)
        if key.startswith(prefix) and not key.endswith("/") and not key.rsplit("/", 1)[-1].startswith(("_", "."))
    ]


if __name__ == "__main__":
    functions_run_in_the_real_runtime_interface()
    functions_have_time_to_start()
    functions_fail_when_told()
    throttles_have_their_name()
    queues_wait_for_throttled_functions()
    events_of_s3_carry_the_version()
    ranges_of_a_version_are_ranges()
    queues_gather_batches()
    glue_jobs_run()
    partitions_go_in_batches()
    queries_belong_to_their_workgroup()
    kept_buckets_are_taken_over()
    budgets_are_resources()
    security_configurations_are_resources()
    buckets_encrypt_as_their_templates_say()
    objects_under_a_key_need_it()
    if os.environ.get("AUTH"):
        decisions_are_kept()
    athena_obeys_the_catalog()
    sys.argv = ["ministack"]
    main()
