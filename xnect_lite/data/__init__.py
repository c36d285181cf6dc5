"""Data readers, training targets and augmentation."""
