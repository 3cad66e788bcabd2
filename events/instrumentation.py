"""Every metric, each with a sentence, before its first use. The API shows them at `/metrics` in Prometheus' format."""

from prometheus_client import Counter, Gauge

EVENTS_ACCEPTED = Counter("agentguide_events_accepted", "Events that are on the queue's disk.")
EVENTS_REJECTED = Counter("agentguide_events_rejected", "Events and spans of a batch that were not valid.")
REQUESTS_REFUSED = Counter("agentguide_requests_refused", "Requests answered with an error, by its code.", ["code"])
PAYLOADS_CUT = Counter("agentguide_payloads_cut", "Payloads over the field limit, stored as their head and a mark.")
BACKLOG_EVENTS = Gauge("agentguide_backlog_events", "Events that wait in the queue.")
BACKLOG_BYTES = Gauge("agentguide_backlog_bytes", "Bytes of events that wait in the queue.")
STREAM_CLIENTS = Gauge("agentguide_stream_clients", "Clients that watch runs live.")
STREAM_EVENTS = Counter("agentguide_stream_events", "Runs sent to clients that watch live.")
STREAM_MISSED = Counter("agentguide_stream_missed", "Changed runs that clients who watch live were told to have missed.")
