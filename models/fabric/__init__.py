"""Pose neural fabrics: cells across layers and scales whose operators and links are learned with the weights, then pruned.

After Yang, Yang and Cui, "Pose Neural Fabrics Search" (2019).
"""
