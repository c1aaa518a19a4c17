"""`python -m gateway.cli`: the same as `tast1`."""

from gateway.cli import main

main()
