"""The kernel of the example `plugin_kernels` in several languages: x less its part within plus and minus a limit."""
