"""What callers hear: the catalogue of prompts, the voiced sets, and the script that voiced them."""

from ivr_prompts.catalogue import BUILT_IN, Catalogue, CatalogueError, Prompt

__all__ = ["BUILT_IN", "Catalogue", "CatalogueError", "Prompt"]
