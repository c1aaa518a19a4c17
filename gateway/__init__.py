"""The gateway: answers calls, asks for consent, records only after a yes."""

import os

# Before numpy is imported: its products here are small, and threads that spin for them cost calls their time.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
