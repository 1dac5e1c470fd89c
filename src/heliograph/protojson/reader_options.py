"""What Google's parsers take beyond the documented JSON mapping, each rule a switch: a value that readers are given, not scattered choices.

protobuf calls it legacy syntax. Its open-source parsers for servers have it: json2 (json/internal/parser.cc, `allow_legacy_syntax`) and
the one before, whose error texts AMAPI answers with (util/internal/protostream_objectwriter.cc, proto_writer.cc, datapiece.cc; "ESF").

Read as these parsers do by default, so a lower-case enum is refused: both take one only with `case_insensitive_enum_parsing`, which is
off by default and which its comment calls a wart ("exists only to preserve legacy behavior"). Whether AMAPI has it on is not known, and who
passes here must not fail there. For the same reason a field that is given twice, a number with a plus sign or leading zeros, and a
Duration as an object of seconds and nanos stay refused, although json2 takes them.
"""

import msgspec


class ReaderOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader accepts beyond the documented mapping; all off: nothing."""

    words_for_bools: bool = False
    """`"true"` for true, and "t", "yes", "y", "1" and their opposites, in any case.

    Source: parser.cc, ParseSingular, TYPE_BOOL: a string goes through absl::SimpleAtob ("Do we accept things otyher than "true" and "false"
    because SimpleAtob does? Absolutely!"); datapiece.cc, ToBool.
    """
    one_for_a_list: bool = False
    """`"a"` for `["a"]`, for any kind of element.

    Source: parser.cc, ParseField: "The original ESF parser permits a single element in place of an array thereof."
    """
    lists_in_lists: bool = False
    """`[["a"], "b"]` for `["a", "b"]`, at any depth.

    Source: parser.cc, ParseArray: "In legacy mode, if we encounter an array within an array, we just flatten it as part of the current
    array!"; not in a google.protobuf.Value or ListValue.
    """
    nulls_in_lists: bool = False
    """`[null]` for a list with one default value in it: 0, false, "", an enum's number 0, an empty message.

    Source: parser.cc, ParseArray and EmitNull.
    """
    quoted_enum_numbers: bool = False
    """`"1"` for 1, if the enum has that number.

    Source: parser.cc, ParseEnumFromStr; datapiece.cc, ToEnum: "Check if int version of enum is sent as string."
    """


GOOGLES = ReaderOptions(words_for_bools=True, one_for_a_list=True, lists_in_lists=True, nulls_in_lists=True, quoted_enum_numbers=True)
"""All that Google's parsers take by default."""

STRICT = ReaderOptions()
"""Only the documented mapping."""

BOOLS = dict.fromkeys(("true", "t", "yes", "y", "1"), True) | dict.fromkeys(("false", "f", "no", "n", "0"), False)
"""The words for bools, in lower case.  Source: absl::SimpleAtob."""
