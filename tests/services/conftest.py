"""A studio set up once, which the others begin as copies of."""

from collections.abc import Iterator

import pytest

from tests.services.studio import Studio


@pytest.fixture(scope="session")
def prepared_studio() -> Iterator[Studio]:
    studio = Studio()
    studio.run("prepare")
    yield studio
    studio.discard()
