"""The DNS server that dns-01 answers are presented on, and its data.

`zone` holds the data, `lookup` is what a name server does with it (RFC 1034
section 4.3.2), `answer` speaks RFC 1035's messages, `server` has the sockets.
"""
