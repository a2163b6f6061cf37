"""The tables: docs/architecture.md section 9."""

from generations.models.drift import Drift
from generations.models.engine import Canary, PollerSlot
from generations.models.experience import Bookmark, Experience
from generations.models.gateway import Gateway
from generations.models.generation import Generation
from generations.models.library import Group, Project, Star, Tag, Tagging
from generations.models.listing import CatalogNotice, CatalogSnapshot
from generations.models.money import AppendOnly, LedgerEntry, ModelPrice
from generations.models.people import Membership, Team, User
from generations.models.preset import Preset
from generations.models.prompt import GenerationInput, Prompt, Upload
from generations.models.saved import SavedView
from generations.models.searching import Entries, PromptEntry, SearchEntry, matching, newest_key, to_count
from generations.models.statuses import ACTIVE, REVIVABLE, TERMINAL, TRANSITIONS, UNFINISHED, Failure, Status
from generations.models.switches import ModelSwitch
from generations.models.tokens import ApiAnswer, ApiToken
from generations.models.trail import Event, SubmitAttempt
from generations.models.watching import Comment, Comparison, ShareLink, Vote
from generations.models.webhooks import Delivery, Webhook

__all__ = [
    "ACTIVE",
    "REVIVABLE",
    "TERMINAL",
    "TRANSITIONS",
    "UNFINISHED",
    "ApiAnswer",
    "ApiToken",
    "AppendOnly",
    "Bookmark",
    "Canary",
    "CatalogNotice",
    "CatalogSnapshot",
    "Comment",
    "Comparison",
    "Delivery",
    "Drift",
    "Entries",
    "Event",
    "Experience",
    "Failure",
    "Gateway",
    "Generation",
    "GenerationInput",
    "Group",
    "LedgerEntry",
    "Membership",
    "ModelPrice",
    "ModelSwitch",
    "PollerSlot",
    "Preset",
    "Project",
    "Prompt",
    "PromptEntry",
    "SavedView",
    "SearchEntry",
    "ShareLink",
    "Star",
    "Status",
    "SubmitAttempt",
    "Tag",
    "Tagging",
    "Team",
    "Upload",
    "User",
    "Vote",
    "Webhook",
    "matching",
    "newest_key",
    "to_count",
]
