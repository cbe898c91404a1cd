"""Where the services are: from the environment, as `hallmark env` prints it. A missing one is an error, never a guess."""

import os


def required(name: str) -> str:
    """The value of an environment variable that must be set."""
    value = os.environ.get(name)
    if not value:
        raise RuntimeError(f"{name} is not set: run `hallmark up` and `eval $(hallmark env)`")
    return value


def database_url() -> str:
    """PostgreSQL."""
    return required("DATABASE_URL")


def redis_url() -> str:
    """Redis."""
    return required("REDIS_URL")


def embeddings_url() -> str:
    """The API that answers embeddings, without a slash at its end."""
    return required("OPENAI_EMBEDDINGS_BASE_URL").rstrip("/")


def api_key() -> str:
    """The key of that API."""
    return required("OPENAI_API_KEY")


def embedding_model() -> str:
    """The model that embeds."""
    return required("HALLMARK_OPENAI_EMBEDDING_MODEL")
