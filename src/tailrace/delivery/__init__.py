"""Deliveries: copies to S3, webhooks and mail, each a job of its own once an export has ended."""
