"""Fixtures of all tiers. Services are the real ones that the environment names; a missing one fails the test."""

import uuid

import pytest


@pytest.fixture
def batch():
    """A name that keeps this test's rows and keys apart from all others."""
    return f"test-{uuid.uuid4().hex}"
