"""The HTTP API: one application, for a lake on this machine and for a deployment."""
