"""x"""


def show_export(window): ...
