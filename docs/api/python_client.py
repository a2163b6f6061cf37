"""Ask for a video with OpenAI's own client, wait, and save it. Needs STUDIO_URL and STUDIO_TOKEN.

The client warns that OpenAI's own video service ends; this studio does not.
"""

import os

from openai import OpenAI

client = OpenAI(base_url=os.environ["STUDIO_URL"] + "/v1", api_key=os.environ["STUDIO_TOKEN"])

video = client.videos.create_and_poll(
    model="wan/wan2.6",
    prompt="A red fox in the snow",
    seconds="5",
    size="1280x720",
    extra_headers={"Idempotency-Key": "fox-in-the-snow-2"},
)
print(video.id)
print(video.status)
if video.status == "completed":
    client.videos.download_content(video.id).write_to_file("fox.mp4")
else:
    print(video.error)
