"""HTTP: the ingest app, the read app, and the one that serves both."""
