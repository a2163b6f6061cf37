// Records what in static/ comes from somebody else, with version, licence and hash: static/vendor/VERSIONS.json.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

const here = (path) => new URL(path, import.meta.url);
const sources = [
  { name: "daisyui", files: ["css/app.css"] },
  { name: "lucide-static", files: ["icons.svg"] },
  { name: "tailwindcss", files: ["css/app.css"] },
];

const sha256 = (file) => createHash("sha256").update(readFileSync(here(`../static/${file}`))).digest("hex");

const entries = sources.map(({ name, files }) => {
  const { version, license } = JSON.parse(readFileSync(here(`node_modules/${name}/package.json`), "utf8"));
  const licenceFile = `vendor/${name}/LICENSE`;
  mkdirSync(here(`../static/vendor/${name}/`), { recursive: true });
  copyFileSync(here(`node_modules/${name}/LICENSE`), here(`../static/${licenceFile}`));
  const hashes = Object.fromEntries([...files, licenceFile].map((file) => [file, sha256(file)]));
  return { name, version, licence: license, sha256: hashes };
});

writeFileSync(here("../static/vendor/VERSIONS.json"), JSON.stringify(entries, null, 2) + "\n");
console.log(`VERSIONS.json: ${entries.map(({ name, version }) => `${name} ${version}`).join(", ")}`);
