"""The words of RFC 8555, as values: pure, and shared by every house.

It lives inside the server because ACME is the language of this whole house;
nothing here performs I/O, reads a clock or draws a random number.
"""
