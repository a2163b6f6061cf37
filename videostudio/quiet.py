"""Keeping the log readable: what passes by itself is said in one line."""

import logging

from generations.lifecycle.persistence import is_away, is_full


class AwayFilter(logging.Filter):
    """Says in one line that a page met a database that is away or a full disk: more of it tells nobody more."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        if is_away(error) or is_full(error):
            what = "the disk takes nothing" if is_full(error) else "the database is away"
            record.msg, record.args = f"{record.getMessage()}: {what} ({type(error).__name__})", ()
            record.exc_info, record.levelno, record.levelname = None, logging.WARNING, "WARNING"
        return True
