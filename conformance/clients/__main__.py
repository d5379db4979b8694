"""`python -m conformance.clients`."""

from conformance.clients.cli import main

if __name__ == "__main__":
    main(prog_name="python -m conformance.clients")
