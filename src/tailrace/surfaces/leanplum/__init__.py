"""Leanplum's exportData and getExportResults. `docs/leanplum.md` maps each sentence of their document to what holds."""
