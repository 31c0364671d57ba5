"""FullStory's Data Export: bundles of events, listed and downloaded. docs/fullstory.md maps its document to tests."""
