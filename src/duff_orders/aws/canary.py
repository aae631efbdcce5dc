"""`Canary`: a function that tests the deployment on a schedule, so that partners are not the first to notice."""

import json
import os
from typing import Any

from duff_orders.aws.arrivals import messages
from duff_orders.aws.smoke import BAD, try_out
from duff_orders.errors import PipelineError

#: Announcements that wait, above which a verdict in time cannot be expected: a backlog has alarms of its own.
BACKLOG = 100


def handler(payload: dict[str, Any], context: Any) -> dict[str, Any]:
    """Try the deployment out with a file of which nothing is published, and remove all traces of it.

    Raises PipelineError with what does not hold: the function's errors are what the alarm looks at.
    """
    outputs: dict[str, str] = json.loads(os.environ["OUTPUTS"])
    waiting = messages(outputs["Arrived"])
    if waiting > BACKLOG:
        return {"put_off": f"{waiting} announced files wait"}
    checks = [*try_out(outputs, BAD)]
    for check in checks:
        print(json.dumps({"message": "checked", "name": check.name, "problem": check.problem}), flush=True)
    if problems := [f"{check.name}: {check.problem}" for check in checks if check.problem]:
        raise PipelineError("; ".join(problems))
    return {"checks": len(checks)}
