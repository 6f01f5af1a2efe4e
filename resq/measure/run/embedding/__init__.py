"""Where a network's pictures lie among its last features, as bits flip and as pixels are moved."""
