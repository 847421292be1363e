"""Celery on Redis or Valkey: names of queues and tasks, the application, its transport, hints."""
