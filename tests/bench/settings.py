"""The product's settings for the bench: a view to compare with, a count of statements, room for a
second poller, a cluster of one task a poll."""

from videostudio.settings import *  # noqa: F403
from videostudio.settings import MIDDLEWARE, Q_CLUSTER

ROOT_URLCONF = "tests.bench.urls"
MIDDLEWARE = ["tests.bench.views.count_statements", *MIDDLEWARE]
Q_CLUSTER["ALT_CLUSTERS"]["poll"] |= {"workers": 3, "queue_limit": 3}
Q_CLUSTER["ALT_CLUSTERS"]["single"] = Q_CLUSTER["ALT_CLUSTERS"]["poll"] | {"workers": 2, "queue_limit": 2}
