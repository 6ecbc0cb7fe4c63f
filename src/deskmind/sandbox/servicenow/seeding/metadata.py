"""What an instance tells of itself: tables, columns, choices, properties."""

from __future__ import annotations

from deskmind.sandbox.servicenow.choices import every_choice
from deskmind.sandbox.servicenow.seeding.keys import Seeder

__all__ = ["fill_metadata"]

_PROPERTIES = {
    "glide.invalid_query.returns_no_rows": "false",
    "com.glide.attachment.max_size": "1024",
    "glide.servlet.uri": "https://sandbox.example.com/",
    "glide.war": "glide-zurich-07-01-2025__patch1",
}
_LENGTHS = {
    "string": "255",
    "reference": "32",
    "GUID": "32",
    "glide_list": "4000",
    "html": "65000",
    "choice": "40",
}
_TYPES = {"choice": "integer"}


def fill_metadata(seeder: Seeder) -> None:
    """The dictionary of the tables, as administrators see it."""
    schema = seeder.store.schema
    for table in schema.tables.values():
        values = {
            "name": table.name,
            "label": table.label,
            "super_class": seeder.key("sys_db_object", table.parent),
        }
        seeder.add("sys_db_object", table.name, values)
        inherited = len(schema[table.parent].columns) if table.parent else 0
        for column in table.columns[inherited:]:
            entry = {
                "name": table.name,
                "element": column.name,
                "column_label": column.label,
                "internal_type": _TYPES.get(column.kind, column.kind),
                "reference": column.reference,
                "max_length": _LENGTHS.get(column.kind, "40"),
                "mandatory": "false",
                "active": "true",
                "display": "true" if column.name == table.display else "false",
            }
            seeder.add("sys_dictionary", f"{table.name}.{column.name}", entry)
    for table, column, value, label, place in every_choice():
        values = {"name": table, "element": column, "value": value, "label": label, "language": "en"}
        values |= {"sequence": str(place), "inactive": "false"}
        seeder.add("sys_choice", f"{table}.{column}.{value}", values)
    for name, value in _PROPERTIES.items():
        seeder.add("sys_properties", name, {"name": name, "value": value, "type": "string"})
