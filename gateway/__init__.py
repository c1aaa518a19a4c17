"""The gateway: answers calls, asks for consent, records only after a yes."""
