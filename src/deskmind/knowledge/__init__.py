"""Knowledge: ingest documents, find passages, answer with citations."""
