// Joins the icons named in icons.txt, from lucide-static, to one sprite: static/icons.svg#name.
import { readFileSync, writeFileSync } from "node:fs";

const here = (path) => new URL(path, import.meta.url);
const names = readFileSync(here("icons.txt"), "utf8").split("\n").filter(Boolean);

function symbol(name) {
  const source = readFileSync(here(`node_modules/lucide-static/icons/${name}.svg`), "utf8");
  const drawing = source.slice(source.indexOf(">", source.indexOf("<svg")) + 1, source.lastIndexOf("</svg>"));
  return `<symbol id="${name}" viewBox="0 0 24 24">${drawing.replace(/\s*\n\s*/g, "")}</symbol>`;
}

// Colour and stroke are inherited from the <svg class="icon"> that uses a symbol.
const sprite = ['<svg xmlns="http://www.w3.org/2000/svg">', ...names.sort().map(symbol), "</svg>", ""].join("\n");
writeFileSync(here("../static/icons.svg"), sprite);
console.log(`icons.svg: ${names.length} icons, ${sprite.length} bytes`);
