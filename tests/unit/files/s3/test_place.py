"""Places on S3: what the setting `files` and the AWS environment make of each other."""

import pytest

from tailrace.config import S3Settings
from tailrace.files.s3.place import place_of
from tailrace.model.errors import Invalid

OURS = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OURS:
        monkeypatch.delenv(name, raising=False)


def test_a_bucket_and_its_folder() -> None:
    """On AWS: bucket, prefix and region, and the bucket in the host's name."""
    place = place_of("s3://events-of-acme/tail/race/", S3Settings(region="eu-west-1"))
    assert (place.bucket, place.prefix, place.region) == ("events-of-acme", "tail/race", "eu-west-1")
    assert (place.endpoint, place.base, place.path_style) == ("", "", False)
    assert place.key("a/b") == "tail/race/a/b"
    assert place.ours("tail/race/a/b") == "a/b"
    assert (place.folder("a"), place.folder("")) == ("tail/race/a/", "tail/race/")


def test_a_whole_bucket() -> None:
    """Without a folder keys are the bucket's own."""
    place = place_of("s3://bucket", S3Settings())
    assert (place.key("a/b"), place.ours("a/b"), place.folder("a"), place.folder("")) == ("a/b", "a/b", "a/", "")


@pytest.mark.parametrize(
    ("path_style", "base"),
    [(None, "https://s3.example:9000"), (True, "https://s3.example:9000"), (False, "https://bucket.s3.example:9000")],
)
def test_another_server(path_style: bool | None, base: str) -> None:
    """With an endpoint the bucket stands in the path unless the setting says otherwise."""
    settings = S3Settings(endpoint="https://s3.example:9000/", path_style=path_style)
    assert place_of("s3://bucket", settings).base == base


def test_settings_come_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not set comes from the AWS environment, its special names first."""
    for name in OURS:
        monkeypatch.setenv(name, f"http://{name.lower().replace('_', '-')}")
    place = place_of("s3://bucket", S3Settings())
    assert (place.endpoint, place.region) == ("http://aws-endpoint-url-s3", "http://aws-region")
    place = place_of("s3://bucket", S3Settings(endpoint="http://mine", region="here"))
    assert (place.endpoint, place.region) == ("http://mine", "here")


@pytest.mark.parametrize(
    "url",
    ["gs://bucket", "s3://", "s3://B@d/x", "/var/lib", "s3://bucket/a//b", "s3://bucket/../x", "s3://bucket/a?b=c"],
)
def test_what_is_no_place(url: str) -> None:
    """The error names the setting."""
    with pytest.raises(Invalid, match="files"):
        place_of(url, S3Settings())


@pytest.mark.parametrize("endpoint", ["s3.example.com", "ftp://x", "https://", "https://x/path", "https://u:secret@x"])
def test_what_is_no_endpoint(endpoint: str) -> None:
    """The error names the setting, and never repeats what may hold a password."""
    with pytest.raises(Invalid, match=r"s3\.endpoint") as caught:
        place_of("s3://bucket", S3Settings(endpoint=endpoint))
    assert "secret" not in str(caught.value)
