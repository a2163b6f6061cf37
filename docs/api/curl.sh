#!/bin/sh
# Ask for a video, wait, and save it. Needs STUDIO_URL and STUDIO_TOKEN.
set -eu
auth="Authorization: Bearer $STUDIO_TOKEN"

answer=$(curl -sS --fail-with-body "$STUDIO_URL/v1/videos" -H "$auth" \
  -H "Idempotency-Key: fox-in-the-snow-1" \
  -F model=wan/wan2.6 -F "prompt=A red fox in the snow" -F seconds=5 -F size=1280x720)
id=$(printf '%s' "$answer" | sed 's/.*"id": "\([^"]*\)".*/\1/')
echo "$id"

status=queued
while [ "$status" = queued ] || [ "$status" = in_progress ]; do
  sleep 2
  answer=$(curl -sS --fail-with-body "$STUDIO_URL/v1/videos/$id" -H "$auth")
  status=$(printf '%s' "$answer" | sed 's/.*"status": "\([^"]*\)".*/\1/')
done

echo "$status"
curl -sS --fail-with-body "$STUDIO_URL/v1/videos/$id/content" -H "$auth" -o fox.mp4
