"""Which challenge runs now: at most 60 at once, one per DNS name and solver type, the oldest first.

Also the challenge workflow, and the simulator that runs it in virtual time.
Not an ACME client: what a challenge's steps do is performed by whoever drives
it. Like cert-manager's scheduler it knows no fairness between tenants or
issuers and no rate limits; a stuck challenge keeps its slot, unless a policy
says for how long.
"""
