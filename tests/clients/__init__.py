"""Programs that other people wrote, unmodified, on minirt in the place of TensorRT."""
