import pytest

from serving.where import parse_where

BOOT = {"label": "boot", "price": 20, "new": True, "of": {"maker": "x=y", "size": None}}


@pytest.mark.parametrize(
    ("condition", "passes"),
    [
        ("label=boot", True),
        ('label = "boot"', True),
        ("label!=boot", False),
        ("price=20", True),
        ("price=20.0", True),
        ("price>=20", True),
        ("price > 20", False),
        ("price<3e1", True),
        ("price=boot", False),
        ("price!=boot", True),
        ("price<boot", False),
        ("new=true", True),
        ("new=1", False),
        ("of.maker=x=y", True),
        ("of.size=null", True),
        ("of.size<=null", False),
        ("of.size.deeper=1", False),
        ("missing=1", False),
        ("missing!=1", True),
        ("label>=boa", True),
        ('of={"maker": "x=y", "size": null}', True),
        (".=3", False),
        (".!=3", True),
    ],
)
def test_conditions(condition, passes):
    assert parse_where([condition])(BOOT) is passes


def test_other_payloads_and_several_conditions():
    assert parse_where([".=3"])(3)
    assert not parse_where(["label=boot"])(None)
    assert not parse_where(["label=boot"])("boot")
    assert parse_where(["label=boot", "price<21"])(BOOT)
    assert not parse_where(["label=boot", "price<20"])(BOOT)


def test_a_value_is_never_code():
    assert not parse_where(["price=20 or 1"])(BOOT)
    assert not parse_where(["label=__import__('os')"])(BOOT)


@pytest.mark.parametrize("condition", ["", "label", "=3", "!label", "__import__('os')"])
def test_what_is_no_condition(condition):
    with pytest.raises(ValueError, match="a condition is a field"):
        parse_where([condition])
