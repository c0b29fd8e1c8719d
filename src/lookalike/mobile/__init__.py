"""Galleries for phones and browsers: the searcher files of the TFLite Task Library, and ONNX."""
