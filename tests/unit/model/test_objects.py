"""Names of objects and what they tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.model.access import Scope
from tailrace.model.objects import Writer, export_name, run_name, segment_name, writer_of

SCOPE = Scope(1, 2, "acme", "app.waves")
FENCES = st.integers(0, 10**18 - 1)
BUCKETS = st.one_of(st.just("all"), st.text("01", min_size=1, max_size=8))


@given(bucket=BUCKETS, fence=FENCES, day=st.integers(-700_000, 2_900_000))
def test_segments_and_runs_name_the_lease_of_their_shard(bucket: str, fence: int, day: int) -> None:
    """Bucket and fence come back out of the name, whatever the day."""
    expected = Writer("shard", bucket, fence)
    assert writer_of(SCOPE, segment_name(SCOPE, day, bucket, fence, "seg_1")) == expected
    assert writer_of(SCOPE, run_name(SCOPE, bucket, fence, "run_1")) == expected


@given(fence=FENCES, name=st.text(st.characters(exclude_characters="\n\r/"), min_size=1))
def test_objects_of_exports_name_the_lease_of_their_job(fence: int, name: str) -> None:
    """Export and fence come back out of the name, whatever the file is called."""
    assert writer_of(SCOPE, export_name(SCOPE, "exp_1", fence, name)) == Writer("export", "exp_1", fence)


@pytest.mark.parametrize(
    "key",
    [
        "acme/app.waves/segments/2026-01-02/all/seg_01hz.parquet",  # as releases before fences in names wrote them
        "acme/app.waves/ids/all/run_01hz",
        "acme/app.waves/exports/exp_1/part-000001",
        "acme/app.waves/exports/exp_1/x/part-000001",
        "acme/app.waves/exports/exp_1/7/",
        "acme/app.waves/segments/2026-01-02/2/7-seg_01hz.parquet",
        "acme/app.waves/segments/2026-01-02/all/7-",
        "acme/app.waves/something/all/7-seg",
        f"acme/app.waves/ids/all/{10**18}-run",  # no fence of this database
        "acme/appXwaves/ids/all/7-run",
        "other/app.waves/ids/all/7-run",
        "acme/app.waves/x/acme/app.waves/ids/all/7-run",
        "ids/all/7-run",
        "",
    ],
)
def test_other_names_tell_nothing(key: str) -> None:
    """A name that is not made here, or not of this app, has no writer: nobody concludes anything from it."""
    assert writer_of(SCOPE, key) is None
