// Compares our reading of feature files with that of the official parser.
//
// Reads lines of JSON from stdin, one object a file: {"path": …, "tree": …}. Parses each path with @cucumber/gherkin
// and says the first place where the trees differ. Exit code 0: at least one file, all equal; 1: a difference;
// 2: nothing to compare, or a line that is not such an object.
import { readFileSync } from "node:fs";
import { AstBuilder, GherkinClassicTokenMatcher, Parser } from "@cucumber/gherkin";

// The WHATWG decoder drops a byte order mark, as editors do; the official parser would count it as a column.
const decoder = new TextDecoder("utf-8", { fatal: true });

function official(path) {
  const parser = new Parser(new AstBuilder(() => ""), new GherkinClassicTokenMatcher("en"));
  const document = parser.parse(decoder.decode(readFileSync(path)));
  // Through JSON, so that keys without a value are gone, as in the messages.
  return JSON.parse(JSON.stringify(document, (key, value) => (key === "id" ? undefined : value)));
}

// The first place where two JSON values differ, or null.
function difference(ours, theirs, at = "") {
  if (ours === theirs) return null;
  const areObjects = [ours, theirs].every((value) => typeof value === "object" && value !== null);
  if (!areObjects || Array.isArray(ours) !== Array.isArray(theirs)) {
    return `${at || "/"}: ours ${JSON.stringify(ours)}, official ${JSON.stringify(theirs)}`;
  }
  for (const key of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
    const found = difference(ours[key], theirs[key], `${at}/${key}`);
    if (found) return found;
  }
  return null;
}

let compared = 0;
let differing = 0;
for (const line of readFileSync(0, "utf8").split("\n")) {
  if (line.trim() === "") continue;
  let file;
  try {
    file = JSON.parse(line);
  } catch (error) {
    console.error(`read standard input: expected one JSON object a line: ${error.message}`);
    process.exit(2);
  }
  if (typeof file.path !== "string" || typeof file.tree !== "object") {
    console.error("read standard input: expected `path` and `tree` in each object");
    process.exit(2);
  }
  let found;
  try {
    found = difference(file.tree, official(file.path));
  } catch (error) {
    found = `the official parser refuses it: ${error.message}`;
  }
  compared += 1;
  if (found) {
    differing += 1;
    console.error(`${file.path}: ${found}`);
  }
}

if (compared === 0) {
  console.error("no file to compare; pipe the output of `hsm-rig check --tree` into this");
  process.exit(2);
}
console.log(`${compared - differing} of ${compared} files read equally`);
process.exit(differing === 0 ? 0 : 1);
