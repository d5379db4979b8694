"""`gravel check`: looks at one name as a solver and as the ACME server would, and says what is wrong."""
