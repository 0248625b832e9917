"""The service over HTTP: raw ASGI for the wire methods and the work API."""
