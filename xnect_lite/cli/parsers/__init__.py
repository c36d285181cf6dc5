"""The words of the command line, a file per verb: ``add(verbs)`` registers a parser and names what runs (`later.Later`).

What runs lies one folder up, in a module that imports what it needs at its top; here nothing heavy is imported.
"""
