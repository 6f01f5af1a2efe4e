"""ONNX files: the graph read as data, its weights found by what the nodes do."""
