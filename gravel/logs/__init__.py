"""Logs: the journal of every world as lines on standard error, with what libraries log beside it."""
