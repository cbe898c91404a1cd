"""The embeddings API, as the catalogue uses it."""

import pytest

from catalog.embeddings import BATCH_SIZE, EmbeddingError, embed
from catalog.rules import cosine

pytestmark = pytest.mark.integration


def test_like_texts_are_near():
    hammer, mallet, juice = embed(["a steel claw hammer", "a wooden mallet for striking", "fresh orange juice"])
    assert cosine(hammer, mallet) > cosine(hammer, juice) + 0.1


def test_more_texts_than_a_request_takes_keep_their_order():
    texts = [f"product number {number}" for number in range(BATCH_SIZE + 3)]
    vectors = embed(texts)
    [again] = embed(texts[-1:])
    assert len(vectors) == len(texts)
    assert cosine(vectors[-1], again) > 0.999


def test_a_wrong_key_is_an_error(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "wrong")
    with pytest.raises(EmbeddingError, match="401"):
        embed(["anything"])


def test_a_closed_port_is_an_error_not_a_made_up_vector(monkeypatch):
    monkeypatch.setenv("OPENAI_EMBEDDINGS_BASE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(EmbeddingError, match="cannot be reached"):
        embed(["anything"])
