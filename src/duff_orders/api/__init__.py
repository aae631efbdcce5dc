"""The HTTP API: one application, over a lake on this machine or over a deployment."""
