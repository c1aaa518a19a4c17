"""The workers: one process per call, and the only code that knows pjsua2."""
