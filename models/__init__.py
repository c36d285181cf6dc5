"""Networks only: nn.Module in, tensors out."""
