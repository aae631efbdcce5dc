"""An object's announcement as EventBridge sends it, turned into an event."""

import json
from typing import Any

from duff_orders.clock import format_time, parse_time
from duff_orders.documents import Event
from duff_orders.errors import PipelineError

# Sequencers are of several lengths: the shorter one is padded with zeros on the right, then they compare as texts.
_DIGITS = 32


def announcement(event: Event, *, replay: bool = False) -> dict[str, Any]:
    """An event as EventBridge would announce it; `replay`: what became of it is to be replaced."""
    fields = {"key": event.key, "size": event.size, "etag": event.etag}
    if event.version:
        fields["version-id"] = event.version
    if event.sequencer:
        fields["sequencer"] = event.sequencer
    detail = {"bucket": {"name": event.bucket}, "object": fields}
    return {"time": format_time(event.time), **({"replay": True} if replay else {}), "detail": detail}


def event_of(announced: dict[str, Any]) -> Event:
    """The event of an EventBridge message `Object Created` of S3; raises PipelineError for anything else."""
    try:
        object_ = announced["detail"]["object"]
        return Event(
            bucket=announced["detail"]["bucket"]["name"],
            key=object_["key"],
            size=int(object_.get("size", 0)),
            etag=object_["etag"].strip('"'),
            version=object_.get("version-id"),
            time=parse_time(announced["time"]),
            sequencer=_padded(object_.get("sequencer")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise PipelineError(f"not an announcement of an object: {error!r} in {json.dumps(announced)[:500]}") from None


def _padded(sequencer: str | None) -> str | None:
    """S3's number of an event in hexadecimal digits, of one length: it tells the order of those of one second and key.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    return sequencer.upper().ljust(_DIGITS, "0") if sequencer else None
