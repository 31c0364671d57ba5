"""devtodev's RAW export API. `docs/devtodev.md` maps each sentence of its document to what holds here."""
