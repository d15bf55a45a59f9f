"""The runtimes that exported files run in: ONNX Runtime, OpenVINO, LiteRT and TensorFlow."""
