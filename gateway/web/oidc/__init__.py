"""Signing in through an OpenID Connect provider: the flow, its tokens, and whom they stand for."""
