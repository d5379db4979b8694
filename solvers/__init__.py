"""Solvers: present a challenge's answer, check that it can be seen, clean it up.

Here are also the HTTP and DNS responders that the answers are presented on.
Not a scheduler: nothing here decides when a challenge's turn comes.
"""
