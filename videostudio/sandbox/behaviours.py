"""Words in a prompt that make the sandbox misbehave on purpose, for demonstrations and tests.

They may stand anywhere in the prompt, in any case, several at once ("A kite [slow] [fail]"):

[slow]        takes 60 seconds instead of about five
[fail]        ends as failed, with a reason
[moderated]   ends as failed, with a safety reason
[refuse]      the create is answered 400
[busy]        the create is answered 429 with Retry-After 5, in the first half of every 20 seconds of the clock
[lost]        the create is accepted, but its answer is cut off half way: the id never arrives
[other size]  delivers another frame than the one asked for
[no file]     completes without a link; the content route answers 404
[silent]      delivers no sound, asked for or not
"""

# An id stores a behaviour by its place in this table, so append only.
BEHAVIOURS: dict[str, str] = {
    "[slow]": "takes 60 seconds instead of about five",
    "[fail]": "ends as failed, with a reason",
    "[moderated]": "ends as failed, with a safety reason",
    "[refuse]": "refuses the request (400)",
    "[busy]": "answers 429 with Retry-After 5, in the first half of every 20 seconds",
    "[lost]": "accepts the request, but its answer never arrives whole",
    "[other size]": "delivers another frame than the one asked for",
    "[no file]": "completes without a file",
    "[silent]": "delivers no sound",
}


def find_behaviours(prompt: str) -> frozenset[str]:
    """The behaviour words in a prompt, as spelled in BEHAVIOURS."""
    prompt = prompt.lower()
    return frozenset(word for word in BEHAVIOURS if word in prompt)


def is_busy(now: float) -> bool:
    """Whether "[busy]" refuses at this Unix time: a rule of the clock, because the sandbox remembers nothing."""
    return now % 20 < 10


def pack(behaviours: frozenset[str]) -> int:
    """Behaviours as a bit mask of at most 16 bits."""
    return sum(1 << place for place, word in enumerate(BEHAVIOURS) if word in behaviours)


def unpack(mask: int) -> frozenset[str]:
    return frozenset(word for place, word in enumerate(BEHAVIOURS) if mask >> place & 1)
