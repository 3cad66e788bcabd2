"""What flows: the event model, OTLP into events, the sharded stream, backpressure."""
