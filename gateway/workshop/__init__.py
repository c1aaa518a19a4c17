"""The prompt workshop: how a text or a recording becomes a prompt that callers hear."""
