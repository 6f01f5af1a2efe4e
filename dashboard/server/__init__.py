"""Around the pages: the warm-up and the queue of jobs. The ASGI application is dashboard/asgi.py."""
