"""A library for issuers of one's own: two functions of its author, and cert-manager's protocol around them."""
