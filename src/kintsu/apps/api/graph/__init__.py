"""The reads of the service as a graph: a client asks for just what it shows."""
