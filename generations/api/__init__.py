"""/v1: the studio as a gateway for programs, in the shape of OpenAI's videos API. A layer beside `views`.

`lane` takes requests past sessions and cookies, `tokens` says who asks, `videos` and `relay` are the routes,
`reading` and `composing` turn what was sent into an order, `shapes` turns rows into answers, `described` into OpenAPI.
"""
