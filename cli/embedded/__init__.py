"""PostgreSQL and Valkey from wheels, run as children of `agentguide up`."""
