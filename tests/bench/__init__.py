"""`make bench`: the figures of docs/architecture.md section 10, each a ratio within one run, its baseline beside it."""
