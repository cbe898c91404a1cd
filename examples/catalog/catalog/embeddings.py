"""Vectors of texts from an OpenAI-compatible API."""

import json
import urllib.error
import urllib.request

from catalog.settings import api_key, embedding_model, embeddings_url

TIMEOUT_SECONDS = 60
BATCH_SIZE = 32


class EmbeddingError(RuntimeError):
    """The API refused, failed or answered something else."""


def embed(texts: list[str]) -> list[list[float]]:
    """A vector for each text, in their order."""
    vectors: list[list[float]] = []
    for start in range(0, len(texts), BATCH_SIZE):
        vectors.extend(_embed_batch(texts[start : start + BATCH_SIZE]))
    return vectors


def _embed_batch(texts: list[str]) -> list[list[float]]:
    request = urllib.request.Request(
        embeddings_url() + "/embeddings",
        data=json.dumps({"model": embedding_model(), "input": texts}).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {api_key()}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        raise EmbeddingError(f"the embeddings API answered {error.code}") from error
    except OSError as error:
        raise EmbeddingError(f"the embeddings API cannot be reached: {error}") from error
    items = sorted(answer.get("data", []), key=lambda item: item["index"])
    if len(items) != len(texts):
        raise EmbeddingError(f"{len(texts)} texts were sent and {len(items)} vectors came back")
    return [item["embedding"] for item in items]
