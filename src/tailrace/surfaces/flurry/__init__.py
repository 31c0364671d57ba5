"""Flurry's Data Download API. `docs/flurry.md` maps each sentence of its document to what holds here."""
