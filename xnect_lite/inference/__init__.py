"""Inference back ends: Stage I on torch, OpenVINO or ONNX Runtime behind one protocol (base.py, choose.py)."""
