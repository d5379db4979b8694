"""`python -m conformance.issuer`."""

from conformance.issuer.cli import main

if __name__ == "__main__":
    main(prog_name="python -m conformance.issuer")
