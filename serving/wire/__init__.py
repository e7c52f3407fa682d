"""TF Serving's messages and tensors on the wire, without TensorFlow."""
