"""What the gateway serves over HTTP: health, metrics, and the control socket of the command line."""
