"""The commands of ``apex``, one module each. Heavy imports are inside the functions: ``apex --help`` is instant."""
