"""The registration authority: commands in, outcomes out (RFC 8555 sections 7.3 to 7.6).

A command reads the store and decides; it writes nothing. Its outcome holds
the records to commit, the facts to journal with them, and the effects that
are still to be performed. It knows no HTTP and makes no URL.
"""
