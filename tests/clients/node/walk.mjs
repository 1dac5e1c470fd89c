// Google's own Node client takes a walk: `node walk.mjs STEPS.json`, with HELIOGRAPH_URL and, optionally, HELIOGRAPH_KEY (a key file).
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { androidmanagement, auth } from "@googleapis/androidmanagement";

const SCOPES = ["https://www.googleapis.com/auth/androidmanagement"];
const PATIENCE_MS = 60_000;
const url = process.env.HELIOGRAPH_URL;
const { devices } = androidmanagement({ version: "v1", rootUrl: `${url}/`, auth: signedIn(process.env.HELIOGRAPH_KEY) }).enterprises;

// With its default settings this client asks Google for a token, whatever the key file's token_uri says: have it sign its own.
function signedIn(keyFile) {
  if (!keyFile) return undefined;
  const client = auth.fromJSON(JSON.parse(readFileSync(keyFile, "utf8")));
  client.scopes = SCOPES;
  client.useJWTAccessWithScope = true;
  return client;
}

let operation;

const verbs = {
  async steer({ method, path, body }) {
    const answer = await fetch(url + path, { method, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(await answer.text());
    return {};
  },

  async issue({ device, command }) {
    operation = (await devices.issueCommand({ name: device, requestBody: command })).data;
    return operation;
  },

  async follow() {
    for (const end = Date.now() + PATIENCE_MS; !operation.done && Date.now() < end; await sleep(10)) {
      operation = (await devices.operations.get({ name: operation.name })).data;
    }
    return operation;
  },

  async cancel() {
    return (await devices.operations.cancel({ name: operation.name })).data;
  },

  operations({ name, filter, pageSize }) {
    return pages("operations", (pageToken) => devices.operations.list({ name, filter, pageSize, pageToken }));
  },

  devices({ parent, pageSize }) {
    return pages("devices", (pageToken) => devices.list({ parent, pageSize, pageToken }));
  },

  async device({ name }) {
    return (await devices.get({ name })).data;
  },

  async patch({ name, updateMask, body }) {
    return (await devices.patch({ name, updateMask, requestBody: body })).data;
  },
};

// The names on each page.
async function pages(kind, list) {
  const found = [];
  let page = {};
  do {
    page = (await list(page.nextPageToken)).data;
    found.push((page[kind] ?? []).map(({ name }) => name));
  } while (page.nextPageToken);
  return found;
}

const results = [];
for (const step of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  try {
    results.push(await verbs[step.verb](step));
  } catch (error) {
    if (!error.response) throw error;
    const { code, message } = error.response.data.error;
    results.push({ error: { code, message } });
  }
}
console.log(JSON.stringify(results));
