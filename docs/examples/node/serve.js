// Answers the contract of conformance runs (POST /lookup) from the list in a folder: `decline-sync conformance URL`.
//   node serve.js STATE_FOLDER [PORT]
import { createServer } from "node:http";
import { BadQuestion, Lookup } from "./lookup.js";

const [folder, port = "0"] = process.argv.slice(2);
const lookup = new Lookup(folder);
const MOST_BYTES = 1_000_000;

const server = createServer(async (request, response) => {
  const say = (status, said) => {
    response.writeHead(status, { "Content-Type": "application/json" });
    response.end(JSON.stringify(said));
  };
  if (request.method !== "POST" || request.url !== "/lookup") return say(404, {});
  try {
    let size = 0;
    const chunks = [];
    for await (const chunk of request) {
      size += chunk.length;
      if (size > MOST_BYTES) return say(413, {});
      chunks.push(chunk);
    }
    const asked = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    lookup.refresh();
    if (Array.isArray(asked.questions)) say(200, { answers: asked.questions.map((each) => lookup.answer(each)) });
    else say(200, lookup.answer(asked));
  } catch (error) {
    const theirs = error instanceof BadQuestion || error instanceof SyntaxError;
    say(theirs ? 400 : 500, { detail: theirs ? "This is no question." : "Something is wrong here." });
  }
});
server.listen(Number(port), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
