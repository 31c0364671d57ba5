"""XML against expat: well-formed whatever comes in, and names that can be read back."""

import re
from xml.etree import ElementTree

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.formats.xml import escaped, name_of
from tests.reading import as_xml, read_xml, unescaped
from tests.unit.formats.rows import HOSTILE, Row, events_file, sessions_file, table_file

NAMES = ["", "a", "_x_", "x", "_", "_x", "_x005F_", "_x0020 ", " x0020_", "_x0020_", " ", "_x005f_x0020_", "__x", "x0_"]
HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n<rows>\n'
SIGNS = [chr(n) for n in range(0x20000) if not 0xD800 <= n < 0xE000]  # the planes behind are alike
signs = st.characters(exclude_categories=["Cs"])
names = st.sampled_from(NAMES + HOSTILE) | st.text(st.sampled_from("_x05Fa :\u20ac😀") | signs, max_size=9)


def encode(events: list[Row], columns: list[str]) -> bytes:
    """Events of one session without values of its own."""
    return events_file("xml", [{}], [0] * len(events), events, columns)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("", b""),
        ("<a&b>", b"&lt;a&amp;b&gt;"),
        ("]]>", b"]]&gt;"),
        ("\"'", b"\"'"),
        ("a\r\nb\rc\nd\te", b"a&#13;&#10;b&#13;c&#10;d\te"),
        ("\x00\x08\x0b\x0c\x1f", "\ufffd".encode() * 5),
        ("\ufffe\uffff\ufffd", "\ufffd".encode() * 3),
        ("\x7f\x85\u2028", "\x7f\x85\u2028".encode()),
        ("&amp;", b"&amp;amp;"),
        (" ", b" "),
        ("😀\u202e", "😀\u202e".encode()),
    ],
)
def test_a_text_is_content(text: str, content: bytes) -> None:
    """What means something to a parser is a reference, what XML has no way to say is U+FFFD."""
    wanted = HEAD + b"<event><info>" + content + b"</info></event>\n</rows>\n"
    assert encode([{"info": text}], ["info"]) == wanted
    assert read_xml(wanted) == [{"info": as_xml(text)}]


def test_a_missing_value_has_no_element() -> None:
    """An empty element is an empty text; a row may be empty."""
    data = encode([{"info": ""}, {"id": "1"}, {}], ["info", "id"])
    rows = b"<event><info></info></event>\n<event><id>1</id></event>\n<event></event>\n"
    assert data == HEAD + rows + b"</rows>\n"
    assert encode([{}], ["info"]) == HEAD + b"<event></event>\n</rows>\n"


@settings(deadline=None, max_examples=150)
@given(st.lists(st.text(signs, max_size=20) | st.sampled_from(HOSTILE), min_size=1, max_size=6))
def test_any_texts_are_well_formed(texts: list[str]) -> None:
    """Each row is one line, and the texts come back, modulo what XML cannot hold."""
    assert read_xml(encode([{"info": text} for text in texts], ["info"])) == [{"info": as_xml(t)} for t in texts]


def test_every_sign_there_is_comes_back() -> None:
    """The first two planes of Unicode, each sign alone."""
    contents = escaped(pa.array(SIGNS, pa.string())).to_pylist()
    found = ElementTree.fromstring("<r>" + "".join(f"<a>{one}</a>" for one in contents) + "</r>")  # noqa: S314
    assert [one.text for one in found] == [as_xml(sign) for sign in SIGNS]


def test_every_sign_can_stand_in_a_name() -> None:
    """The first two planes of Unicode, as a first sign and inside: parsers take it, and it can be read back."""
    for before in ("", "a"):
        tags = "".join(f"<{name_of(before + sign)}/>" for sign in SIGNS)
        root = ElementTree.fromstring(f"<r>{tags}</r>")  # noqa: S314
        assert [unescaped(one.tag) for one in root] == [before + sign for sign in SIGNS]


@settings(max_examples=500)
@given(names)
def test_any_name_can_be_read_back(name: str) -> None:
    """Names and elements go one to one, also where a name looks like an escaped one."""
    tag = name_of(name)
    assert ElementTree.fromstring(f"<{tag}/>").tag == tag  # noqa: S314
    assert unescaped(tag) == name
    assert not re.match("(?i)xml", tag)
    assert ":" not in tag


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("params.level", "params.level"),
        ("größe", "größe"),
        ("レベル", "レベル"),
        ("a b", "a_x0020_b"),
        ("a:b", "a_x003A_b"),
        ("<a>", "_x003C_a_x003E_"),
        ("1st", "_x0031_st"),
        ("-a", "_x002D_a"),
        ("a-1.b", "a-1.b"),
        ("xml", "_x0078_ml"),
        ("XmlThing", "_x0058_mlThing"),
        ("axml", "axml"),
        ("_x0020_", "_x005F_x0020_"),
        ("a_xyz", "a_x005F_xyz"),
        ("a_b", "a_b"),
        ("€", "_x20AC_"),
        ("😀", "_x1F600_"),
        ("", "_x_"),
        ("_x_", "_x005F_x_"),
    ],
)
def test_the_name_of_an_element_is_fixed(name: str, tag: str) -> None:
    """Letters that every edition of XML 1.0 knows stay; all else is escaped in one stated way."""
    assert name_of(name) == tag


def test_names_that_would_clash_stay_apart() -> None:
    """No two names become one element."""
    assert len({name_of(name) for name in NAMES}) == len(set(NAMES))


def test_parameters_are_elements() -> None:
    """A key of any signs has an element; a value is its content, null has none, an empty text is empty."""
    sent = [{"": '"<"', "a b": "1.50", "k": "null"}, {"k": '""', "a b": '{"x":"\\u0000\\n]]>"}'}]
    data = table_file("xml", [{"id": "1"}, {"id": "2"}], sent, ["id"], ["", "a b", "k"])
    assert data.split(b"\n")[2:-2] == [
        b"<event><id>1</id><params.>&lt;</params.><params.a_x0020_b>1.50</params.a_x0020_b></event>",
        b'<event><id>2</id><params.a_x0020_b>{"x":"\\u0000\\n]]&gt;"}</params.a_x0020_b><params.k></params.k></event>',
    ]


def test_the_events_of_a_session_are_elements() -> None:
    """A session is one line with an element per event, in order."""
    sessions = [{"session_id": "s1", "country": ""}, {"session_id": "s2"}]
    data = sessions_file(
        "xml", sessions, [0, 0, 1], [{"info": "\n"}, {}, {"level": 1}], ["session_id", "info", "level"]
    )
    assert data.split(b"\n")[2:-2] == [
        b"<session><session_id>s1</session_id><events><event><info>&#10;</info></event><event></event></events></session>",
        b"<session><session_id>s2</session_id><events><event><level>1</level></event></events></session>",
    ]
