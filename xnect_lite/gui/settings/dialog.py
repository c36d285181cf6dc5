"""x"""


def show_settings(window): ...
