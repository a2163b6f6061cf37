"""Django's backend for SQLite, with a memory for what it translates: `DATABASES["default"]["ENGINE"]`."""
