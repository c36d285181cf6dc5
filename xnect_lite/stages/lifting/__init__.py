"""From partial evidence to complete, metric 3D poses (Stage II)."""
