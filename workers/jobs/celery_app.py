"""Celery on Redis as the wake-up channel between machines: how it is set, and what the API needs of it. Importing this imports no step."""

from __future__ import annotations

import redis
from celery import Celery
from kombu.entity import Queue

from graph_schema.errors import BadInput, BrokerUnavailable
from graph_schema.models import Job
from graph_schema.settings import Settings

QUEUES = ("cpu", "gpu")
RUN_JOB = "workers.run_job"


def make_celery(settings: Settings) -> Celery:
    """Return the app, without tasks. Raises BadInput where no broker is configured."""
    if settings.redis_url is None:
        raise BadInput(
            "STEPGRAPH_REDIS_URL is not set; set it to something like redis://host:6379/0, or use `stepgraph up`, which needs no broker"
        )
    app = Celery("stepgraph", broker=settings.redis_url, set_as_current=False)
    app.conf.update(
        task_queues=[Queue(name) for name in QUEUES],  # type: ignore[no-untyped-call]
        task_default_queue="cpu",
        task_create_missing_queues=False,
        task_acks_late=False,  # the lease redelivers; a late ack of a task longer than the visibility timeout comes again without end
        worker_disable_prefetch=True,
        worker_prefetch_multiplier=1,
        task_ignore_result=True,
        worker_soft_shutdown_timeout=20,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={"socket_timeout": 5, "socket_connect_timeout": 2},  # or publishing to a dead broker hangs
        task_publish_retry=False,  # the sweeper notifies again
        worker_hijack_root_logger=False,
    )
    return app


def notify(app: Celery, job: Job) -> None:
    """Send the job's id to its queue. Raises what kombu raises when the broker is not there (after 2 to 5 s)."""
    app.send_task(RUN_JOB, args=[job.id], queue=job.queue)


def ping_broker(settings: Settings) -> dict[str, int]:
    """Ask the broker for a sign of life: how many wake-up messages wait in each queue. Raises BrokerUnavailable."""
    assert settings.redis_url is not None
    try:
        with redis.Redis.from_url(settings.redis_url, socket_timeout=2, socket_connect_timeout=2) as client:
            return {name: int(client.llen(name)) for name in QUEUES}
    except (redis.RedisError, ValueError) as error:
        raise BrokerUnavailable(
            f"no Redis answers at STEPGRAPH_REDIS_URL ({error}); start it or correct the address; jobs wait meanwhile"
        ) from error
