"""The verbs, one module each; a module's `command` is what `gravel VERB` runs."""
