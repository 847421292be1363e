"""The belts: one Celery application on Redis or Valkey with plain direct queues. Knows no task code; sends by name.

Queues are hints and the ledger is the truth: a lost or doubled message must never matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pipeline.settings.values import Settings

if TYPE_CHECKING:
    from celery import Celery
from pipeline.broker.names import INTAKE, queue_names


def celery_app(settings: Settings, consumers: Iterable[str] = (), *, url: str) -> Celery:
    """Returns the Celery application. Nothing is connected until something is sent or a worker starts.

    `consumers` are the roster's names. A message for any other queue is refused, so that a typing error is loud.
    """
    from celery import Celery

    from pipeline.broker import transport

    transport.install()
    app = Celery("returnline", broker=url, set_as_current=False)
    app.conf.update(_conf(settings))
    app.conf.task_queues = _queues(queue_names(consumers))
    return app


def send(app: Celery, task_name: str, queue: str, **kwargs: Any) -> bool:
    """Hints that there is work. Returns False when the broker is not reachable or the queue unknown; never raises."""
    import structlog

    try:
        app.send_task(task_name, kwargs=kwargs, queue=queue, ignore_result=True)
    except Exception as error:
        structlog.get_logger().warning("hint lost", task=task_name, queue=queue, why=type(error).__name__)
        return False
    return True


def _queues(names: Iterable[str]) -> list[Any]:
    from kombu import Exchange, Queue

    # The default exchange: the queue's name is its address, so no binding can be missing after FLUSHALL.
    direct = Exchange("", type="direct")
    return [Queue(name, exchange=direct, routing_key=name) for name in names]


def _conf(settings: Settings) -> dict[str, Any]:
    return {**_transport(settings), **_delivery(settings), **_worker()}


def _transport(settings: Settings) -> dict[str, Any]:
    return {
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_pool_limit": 10,
        "broker_transport_options": {
            # The same in every process, Flower included: the smallest one would redeliver for all.
            "visibility_timeout": settings.intervals.visibility,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "socket_timeout": 15,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 25,
            "global_keyprefix": settings.prefix,
            "queue_order_strategy": "priority",
            "max_connections": 20,
        },
        "result_backend": None,
        "task_ignore_result": True,
        "task_serializer": "json",
        "accept_content": ["json"],
        "timezone": "UTC",
        "enable_utc": True,
    }


def _delivery(settings: Settings) -> dict[str, Any]:
    return {
        "task_default_queue": INTAKE,
        "task_create_missing_queues": False,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_acks_on_failure_or_timeout": True,
        "task_soft_time_limit": settings.intervals.task_soft_limit,
        "task_time_limit": settings.intervals.task_limit,
        "task_publish_retry": True,
        "task_publish_retry_policy": {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.2, "interval_max": 1},
        "task_send_sent_event": True,
    }


def _worker() -> dict[str, Any]:
    return {
        "worker_prefetch_multiplier": 1,
        "worker_disable_prefetch": True,
        "worker_eta_task_limit": 1000,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_soft_shutdown_timeout": 45,
        "worker_enable_soft_shutdown_on_idle": True,
        "worker_max_tasks_per_child": 1000,
        "worker_max_memory_per_child": 300_000,
        "worker_send_task_events": True,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
    }
