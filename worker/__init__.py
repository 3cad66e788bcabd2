"""RQ workers and their jobs: the drain, maintenance, the scheduler."""
