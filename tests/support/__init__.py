"""Helpers of the end-to-end tests and of the demo: make a stream, run the stack, look at what came out.

They use the programs only from outside (processes, ports, files) and need nothing but Python 3.11, numpy,
ffmpeg and flite.
"""
