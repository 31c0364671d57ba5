"""What is to be done with the files of an export: copied to a bucket, told to a URL."""

from collections.abc import Sequence

from tailrace.delivery.bodies import Bodies, Occasion
from tailrace.delivery.records import standings
from tailrace.exports.numbers import number_of_export
from tailrace.exports.records import load_export
from tailrace.model.delivery import Delivery, S3Copy, Webhook
from tailrace.model.errors import Invalid
from tailrace.surfaces.leanplum.arguments import Arguments
from tailrace.surfaces.leanplum.parse import boolean
from tailrace.surfaces.leanplum.policy import NAME
from tailrace.surfaces.leanplum.render import Results, envelope, job_id, results


def deliveries_of(arguments: Arguments, base: str) -> tuple[Delivery, ...]:
    """The copy and the callback that are asked for. `base` is where URLs of files begin.

    Raises:
        Invalid: an argument cannot be, or one that another needs is missing.
    """
    copies = _copies(arguments, compress=boolean(arguments, "compressData"))
    return (*copies, *_callbacks(arguments, base, after_copies=bool(copies)))


def _copies(arguments: Arguments, *, compress: bool) -> Sequence[S3Copy]:
    """A copy whose keys are the prefix, as it is, and the files' names."""
    if "s3BucketName" not in arguments:
        return ()
    for name in ("s3AccessId", "s3AccessKey"):
        if name not in arguments:
            raise Invalid(name, "is required if s3BucketName is set")
    return (
        S3Copy(
            bucket=arguments["s3BucketName"],
            prefix=arguments.get("s3ObjectPrefix", ""),
            access_key_id=arguments["s3AccessId"],
            secret_access_key=arguments["s3AccessKey"],
            compress=compress,
            by_export=False,
            manifest="",
        ),
    )


def _callbacks(arguments: Arguments, base: str, *, after_copies: bool) -> Sequence[Webhook]:
    if "callbackUrl" not in arguments:
        return ()
    return (Webhook(url=arguments["callbackUrl"], body=NAME, base=base, after_copies=after_copies),)


def body(occasion: Occasion) -> bytes:
    """What a callback says: the answer of getExportResults."""
    database, scope = occasion.database, occasion.scope
    export = load_export(database, scope.space, scope.app, occasion.export)
    with database.read() as connection:
        number = number_of_export(connection, scope, export.id)
        now, standing = database.now(connection), standings(connection, scope, export.id)
    return envelope(results(Results(export, job_id(scope.app, str(number)), standing), occasion.base, now))


BODIES: Bodies = {NAME: body}
