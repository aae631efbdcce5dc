"""A second interpreter of the state machine, moto's, beside the emulator's own: what both make of it counts.

    interpreter.py < {"definition": ..., "input": ..., "answers": {"STATE": [{"result": ...} | {"error": "Name"}, ...]}}

Tasks are answered by the script that comes with the definition, in order; the last answer of a state is its answer from
then on. Nothing waits. Prints the states in the order in which they were entered, what each task was given, the status,
and output or error. moto takes JSONata from Java, which is replaced by the same in Python.
"""

import json
import sys
import time
from collections import defaultdict
from typing import Any

import boto3
import jsonata
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core.config import default_user_config
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_aws_sdk,
    state_task_service_lambda,
    state_task_service_sns,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function import wait_function
from moto.stepfunctions.parser.asl.jsonata import jsonata as evaluator

SERVICES = (
    state_task_service_lambda.StateTaskServiceLambda,
    state_task_service_aws_sdk.StateTaskServiceAwsSdk,
    state_task_service_sns.StateTaskServiceSns,
)


def evaluate(expression: str) -> Any:
    found = jsonata.Jsonata(expression).evaluate(None)
    return json.loads(json.dumps(found))


def answered(answers: dict[str, list[dict[str, Any]]], given: dict[str, list[Any]]) -> Any:
    """What stands in for the services: the answers, by the name of the state."""

    def answer(
        self: Any, env: Any, resource_runtime_part: Any, normalised_parameters: Any, state_credentials: Any
    ) -> None:
        name = env.states.context_object.context_object_data["State"]["Name"]
        parameters = dict(normalised_parameters)
        if isinstance(parameters.get("Payload"), bytes | str):
            parameters["Payload"] = json.loads(parameters["Payload"])
        given[name].append(parameters)
        waiting = answers[name]
        told = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if "error" in told:
            kind = told["error"]
            if kind.startswith("Lambda."):
                response = {
                    "Error": {"Code": kind.removeprefix("Lambda."), "Message": "refused"},
                    "ResponseMetadata": {"HTTPStatusCode": 429, "RequestId": "1"},
                }
                raise ClientError(response, "Invoke")
            payload = json.dumps({"errorType": kind, "errorMessage": told.get("cause", "it failed")})
            raise lambda_eval_utils.LambdaFunctionErrorException("Unhandled", payload)
        result = told["result"]
        is_function = isinstance(self, state_task_service_lambda.StateTaskServiceLambda)
        env.stack.append({"StatusCode": 200, "Payload": result} if is_function else result)

    return answer


def main() -> None:
    asked = json.load(sys.stdin)
    given: dict[str, list[Any]] = defaultdict(list)
    evaluator._eval_jsonata = evaluate
    for service in SERVICES:
        service._eval_service_task = answered(asked["answers"], given)
    wait_function.WaitFunction._wait_interval = lambda *args, **kwargs: None
    pause, time.sleep = time.sleep, lambda seconds: None
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    with mock_aws():
        client = boto3.client("stepfunctions", region_name="us-east-1")
        role = "arn:aws:iam::123456789012:role/machine"
        machine = client.create_state_machine(name="m", definition=json.dumps(asked["definition"]), roleArn=role)
        started = client.start_execution(stateMachineArn=machine["stateMachineArn"], input=json.dumps(asked["input"]))
        while (found := client.describe_execution(executionArn=started["executionArn"]))["status"] == "RUNNING":
            pause(0.02)
        history = client.get_execution_history(executionArn=started["executionArn"], maxResults=1000)["events"]
    entered = [each["stateEnteredEventDetails"]["name"] for each in history if "stateEnteredEventDetails" in each]
    told = {name: found.get(name) for name in ("status", "output", "error", "cause")}
    json.dump({"entered": entered, "given": given, **told}, sys.stdout)


if __name__ == "__main__":
    main()
