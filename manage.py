#!/usr/bin/env python
"""Django's command line, for this project."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "videostudio.settings")
    try:
        from videostudio.command_line import main

        main(sys.argv)
    except KeyboardInterrupt:  # Ctrl-C is no error to show a trace for
        sys.exit(130)
