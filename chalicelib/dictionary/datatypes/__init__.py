"""The logical types of a column, one class a type with all its faces: parse, Postgres, Arrow, Avro, JSON Schema.

The names and lexical forms are those of Table Schema (https://specs.frictionlessdata.io/table-schema/), narrowed where
data must survive the way through Postgres and Avro. Parsing is columnar: text in, typed values out, null where a cell
can't be read; nothing here loops over cells.

``datatype`` is what they all are; all are imported from here.
"""

from chalicelib.dictionary.datatypes.boolean import Boolean
from chalicelib.dictionary.datatypes.datatype import DataType
from chalicelib.dictionary.datatypes.numeric import INT4, INT8, Integer, Number
from chalicelib.dictionary.datatypes.string import String
from chalicelib.dictionary.datatypes.temporal import Date, DateTime

__all__ = ["INT4", "INT8", "TYPES", "Boolean", "DataType", "Date", "DateTime", "Integer", "Number", "String"]

TYPES: dict[str, type[DataType]] = {
    datatype.name: datatype for datatype in (Integer, Number, String, Boolean, Date, DateTime)
}
