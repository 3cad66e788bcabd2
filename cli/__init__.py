"""The `agentguide` command and the embedded stack."""
