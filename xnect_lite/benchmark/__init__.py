"""How fast; `xnect_lite.evaluate` says how good."""
