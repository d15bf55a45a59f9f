"""Export to SavedModel, ONNX, LiteRT and OpenVINO, with a proof that each file equals the model."""
