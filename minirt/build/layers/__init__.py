"""What each kind of layer means, in the core's ops: one function a kind, registered by its LayerType name."""
