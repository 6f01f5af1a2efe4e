"""Files from elsewhere, read as data: which tensors lie where, and what their bytes stand for."""
