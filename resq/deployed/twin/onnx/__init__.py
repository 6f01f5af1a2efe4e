"""The operators of an ONNX graph in torch, integers and shapes included."""
