"""The DNS server that dns-01 answers are presented on, and its data.

`zone` holds the data and `lookup` is what a name server does with it (RFC 1034
section 4.3.2); `query` and `reply` are its messages (RFC 1035), between which
`answer` decides; `server` has the sockets. Over the wire the zone is changed by
`update` (RFC 2136), read by `update_message`, for the `writers` who may: holders
of `keys`, whose signatures `tsig` checks (RFC 8945), or anyone.
"""
