"""`gravel verify`: what is wrong with a certificate that was issued."""
