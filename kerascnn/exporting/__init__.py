"""Export to SavedModel, ONNX, LiteRT and OpenVINO; each file is compared with the Keras model."""
