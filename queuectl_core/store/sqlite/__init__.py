"""The store in one SQLite file: `store.py` blocks, `async_store.py` is awaited; one body of SQL."""
