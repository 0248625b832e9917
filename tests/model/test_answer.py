"""A lease's token names its task, and says nothing else to anybody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.model.account import Sequence
from answerdesk.model.answer import task_of, token_of
from answerdesk.model.task import Permutation


@given(n=st.integers(1, 2**52 - 1).map(Sequence), key=st.binary(min_size=24, max_size=24))
def test_a_token_names_its_task_by_the_id_that_its_holder_is_told(n, key):
    ids = Permutation(key)
    token = token_of("f" * 32, ids.show(n))

    task = task_of(token)

    assert task == ids.show(n)
    assert ids.find(task) == n
    # As the work API takes it.
    assert token.isascii()
    assert token.isprintable()
    assert len(token) <= 100


@pytest.mark.parametrize(
    "token",
    ["", ".", "secret", "secret.", ".1", "secret.0", "secret.01", "secret.-1", "secret.1G", "a.b.1", "secret.1\n",
     "secret." + "f" * 14, "secret.١"],
)  # fmt: skip
def test_what_no_claim_gave_names_no_task(token):
    assert task_of(token) is None
