"""The decoder against belief counted out by hand and by brute force."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

np = pytest.importorskip("numpy", reason='the extra "ocr" is not installed')

from answerdesk.solve.ctc import Charset, Rule, decode, search  # noqa: E402

ALPHABET = ("", "a", "A", "b", "0", "O", " ")
EVERYTHING = {character: character for character in ALPHABET[1:]}


def frames(*rows):
    """Build frames from {character: belief}; the rest goes to the blank."""
    built = np.zeros((len(rows), len(ALPHABET)), dtype=np.float32)
    for frame, beliefs in zip(built, rows, strict=True):
        for character, belief in beliefs.items():
            frame[ALPHABET.index(character)] = belief
        frame[0] += 1 - frame.sum()
    return built


def rule(meanings=EVERYTHING, **said):
    return Rule(charset=Charset.of(ALPHABET, meanings), **said)


def by_brute_force(shared, characters):
    """Sum the belief in every text over all its alignments."""
    beliefs: dict[str, float] = {}
    for path in itertools.product(range(shared.shape[1]), repeat=shared.shape[0]):
        belief = math.prod(float(shared[time, place]) for time, place in enumerate(path))
        kept = [place for place, _ in itertools.groupby(path) if place]
        text = "".join(characters[place - 1] for place in kept)
        beliefs[text] = beliefs.get(text, 0.0) + belief
    return beliefs


@given(st.lists(st.lists(st.floats(0.01, 1), min_size=3, max_size=3), min_size=1, max_size=5))
def test_a_wide_search_finds_the_belief_of_every_text(rows):
    raw = np.array(rows)
    shared = raw / raw.sum(axis=1, keepdims=True)

    found = search(shared, rule({"a": "a", "b": "b"}), width=1000, floor=0.0)

    for text, belief in by_brute_force(shared, "ab").items():
        assert found.beliefs.get(text, 0.0) == pytest.approx(belief, abs=1e-12)


@given(st.lists(st.lists(st.floats(0.01, 1), min_size=3, max_size=3), min_size=2, max_size=5), st.integers(1, 3))
def test_belief_is_either_found_or_barred_and_never_both(rows, longest):
    raw = np.array(rows)
    shared = raw / raw.sum(axis=1, keepdims=True)

    found = search(shared, rule({"a": "a", "b": "b"}, longest=longest), width=1000, floor=0.0)

    assert sum(found.beliefs.values()) + found.barred == pytest.approx(1.0)
    assert all(len(text) <= longest for text in found.beliefs)


def test_a_repeated_character_needs_a_blank_between():
    one = decode(frames({"a": 1.0}, {"a": 1.0}), rule())[0]
    two = decode(frames({"a": 1.0}, {}, {"a": 1.0}), rule())[0]

    assert (one.text, two.text) == ("a", "aa")


def test_a_class_takes_belief_from_what_it_leaves_out():
    picture = frames({"O": 0.9, "0": 0.1})

    assert decode(picture, rule())[0].text == "O"
    digit = decode(picture, rule({"0": "0"}))[0]
    assert digit.text == "0"
    assert digit.share == pytest.approx(1.0)
    assert digit.fit == pytest.approx(math.log(0.1), abs=1e-3)


def test_columns_of_one_meaning_add_up():
    picture = frames({"a": 0.4, "A": 0.3, "b": 0.3})

    assert decode(picture, rule({"a": "aA", "b": "b"}))[0].share == pytest.approx(0.7, abs=1e-3)


def test_what_means_nothing_is_read_as_nothing():
    picture = frames({"a": 1.0}, {" ": 1.0}, {"b": 1.0})

    assert decode(picture, rule())[0].text == "a b"
    assert decode(picture, rule({"": " ", "a": "a", "b": "b"}))[0].text == "ab"


def test_texts_of_one_key_share_their_belief():
    picture = frames({"a": 0.35, "A": 0.25, "b": 0.4})

    assert decode(picture, rule())[0].text == "b"
    merged = decode(picture, rule(key=str.casefold))[0]
    assert (merged.text, merged.key) == ("a", "a")
    assert merged.share == pytest.approx(0.6, abs=1e-3)


def test_a_length_brings_back_a_character_that_was_nearly_lost():
    picture = frames({"a": 1.0}, {}, {"b": 0.02}, {}, {"0": 1.0})

    assert decode(picture, rule())[0].text == "a0"
    longer = decode(picture, rule(admits=lambda text: len(text) == 3))[0]
    assert longer.text == "ab0"
    assert longer.share == pytest.approx(1.0, abs=1e-3)
    assert longer.strain == pytest.approx(math.log(0.02), abs=1e-2)


def test_too_long_texts_leave_their_belief_to_the_others():
    picture = frames({"a": 1.0}, {}, {"b": 0.9})

    short = decode(picture, rule(longest=1))[0]

    assert short.text == "a"
    assert short.share == pytest.approx(1.0, abs=1e-3)
    assert short.strain == pytest.approx(math.log(0.1), abs=1e-2)


def test_nothing_admitted_is_nothing_found():
    assert decode(frames({"a": 1.0}), rule(admits=lambda text: False)) == []


def test_an_empty_picture_has_no_text():
    assert decode(frames({}, {}, {}), rule()) == []


def test_a_picture_that_is_likelier_empty_has_no_text():
    assert decode(frames({"a": 0.4}), rule()) == []
    assert decode(frames({"a": 0.6}), rule())[0].share == pytest.approx(0.6, abs=1e-3)


def test_spaces_neither_lead_nor_trail_nor_double():
    picture = frames({" ": 1.0}, {"a": 1.0}, {" ": 1.0}, {}, {" ": 0.9}, {"b": 1.0}, {" ": 1.0})

    assert decode(picture, rule())[0].text == "a b"


def test_a_beginning_that_leads_nowhere_is_broken_off():
    picture = frames({"a": 0.9, "b": 0.1}, {}, {"0": 1.0})

    assert decode(picture, rule(viable=lambda prefix: not prefix.startswith("a")))[0].text == "b0"
