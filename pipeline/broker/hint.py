"""The Celery message that wakes the intake, written by hand so that the ingress needs no Celery."""

import base64
import json

PLACE_OF_ID = "@ID@"


def hint_message(task: str, queue: str) -> str:
    """A protocol-2 task message as kombu's Redis transport stores it, with `@ID@` where the task id goes.

    The delivery tag is the same id: kombu keys its unacknowledged messages by it, so two hints must differ.
    """
    body = base64.b64encode(json.dumps([[], {}, _EMBED]).encode()).decode()
    return json.dumps(
        {
            "body": body,
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {**_HEADERS, "task": task, "id": PLACE_OF_ID, "root_id": PLACE_OF_ID},
            "properties": {
                "correlation_id": PLACE_OF_ID,
                "delivery_tag": PLACE_OF_ID,
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": queue},
                "priority": 0,
                "body_encoding": "base64",
            },
        }
    )


_EMBED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
_HEADERS = {
    "lang": "py",
    "shadow": None,
    "eta": None,
    "expires": None,
    "group": None,
    "group_index": None,
    "retries": 0,
    "timelimit": [None, None],
    "parent_id": None,
    "argsrepr": "()",
    "kwargsrepr": "{}",
    "origin": "ingress",
    "ignore_result": True,
}
