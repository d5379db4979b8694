"""Why something is stuck: rules that read what is there and say cause, who must act and what to try."""
