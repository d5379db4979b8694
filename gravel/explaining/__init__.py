"""Why something is stuck, in the server's eyes: its records and its journal, read by rules."""
