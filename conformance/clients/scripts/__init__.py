"""Programs on ACME libraries, each run as a child: ACT DIRECTORY NAME CHALLENGE, at a client's home."""
