"""The store on PostgreSQL, for the queue of many hosts; the only module that imports psycopg."""
