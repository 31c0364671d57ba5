"""One statement for many rows, given to the driver as they are: what the toolkit does for each row costs more than what
the database does. For values that drivers take by themselves: texts, bytes, whole numbers, flags.
"""

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.sql.dml import UpdateBase


def execute_many(
    connection: Connection, statement: UpdateBase, names: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> None:
    """Run an INSERT or UPDATE for each row: its values by place are those of the parameters `names`.

    Parameters that the statement itself gives values are the same for all rows.
    """
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(names))
    fixed = {name: value for name, value in compiled.params.items() if name not in names}
    whole = [(*row, *fixed.values()) for row in rows]
    if not whole:
        return
    order = [*names, *fixed]
    if compiled.positiontup is None:
        connection.exec_driver_sql(str(compiled), [dict(zip(order, row, strict=True)) for row in whole])
    else:
        placed = itemgetter(*(order.index(name) for name in compiled.positiontup))
        connection.exec_driver_sql(str(compiled), list(map(placed, whole)))
