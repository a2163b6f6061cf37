// Ask for a video, wait, and save it. Needs Node 18 or later, STUDIO_URL and STUDIO_TOKEN.
import { writeFile } from "node:fs/promises";

const headers = { Authorization: `Bearer ${process.env.STUDIO_TOKEN}`, "Content-Type": "application/json" };

async function ask(path, options = {}) {
  const answer = await fetch(`${process.env.STUDIO_URL}/v1${path}`, { headers, ...options });
  if (!answer.ok) throw new Error((await answer.json()).error.message);
  return answer;
}

const body = { model: "wan/wan2.6", prompt: "A red fox in the snow", seconds: "5", size: "1280x720" };
const options = { method: "POST", body: JSON.stringify(body), headers: { ...headers, "Idempotency-Key": "fox-in-the-snow-3" } };
let video = await (await ask("/videos", options)).json();
console.log(video.id);

while (video.status === "queued" || video.status === "in_progress") {
  await new Promise((resolve) => setTimeout(resolve, 2000));
  video = await (await ask(`/videos/${video.id}`)).json();
}

console.log(video.status);
const file = await ask(`/videos/${video.id}/content`);
await writeFile("fox.mp4", Buffer.from(await file.arrayBuffer()));
