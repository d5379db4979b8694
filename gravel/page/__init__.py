"""The page for people, at / of the management API: what it is told, and in `files` what the browser makes of it."""
