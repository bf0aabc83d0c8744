"""Kafka: a consumer group as a source of events, an idempotent producer as a sink."""
