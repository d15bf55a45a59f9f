"""Export to ONNX: the graph written layer by layer, and its int8 form."""
