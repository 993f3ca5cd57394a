"""Stands in for `pycuda.autoinit`: there is a device and a context from the start."""

from minirt.standins.pycuda_driver import Context, Device

device = Device(0)
context = Context()
