"""Object storage: immutable objects under keys such as ``acme/app_waves/segments/2026-01-02/…``."""
