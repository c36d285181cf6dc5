"""The verbs of the command line, one module each: ``add(verbs)`` registers a parser and sets what runs."""
