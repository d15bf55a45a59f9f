"""Opens exported files in their runtimes: ONNX Runtime, OpenVINO, LiteRT and TensorFlow."""
